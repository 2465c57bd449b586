"""One file as an image, or why it is none: what a run and `data check` mean by a readable image."""

from io import BytesIO
from typing import TYPE_CHECKING

from benchmark.images.items import Items

if TYPE_CHECKING:
    from PIL.Image import Image


def decoded(items: Items, item: str) -> tuple[bytes, "Image | str"]:
    """The bytes of an item, and the image as RGB or why it is no readable one. OSError where they cannot be read."""
    from PIL import Image

    if obstacle := items.obstacle(item):
        return b"", obstacle
    data = items.read(item)
    try:
        with Image.open(BytesIO(data)) as image:
            return data, image.convert("RGB")
    except MemoryError:
        raise
    except Exception as error:
        # Decoders raise nearly any type for damaged files. What follows " <" is the address of the buffer.
        return data, str(error).partition(" <")[0] or type(error).__name__
