"""From records of stages to one table: its values, its committed records and their check, its formats."""
