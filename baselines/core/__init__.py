"""What samplers are made of: the selection and its checks, exact scores, rankings, k-means, the rounds of SimCore."""
