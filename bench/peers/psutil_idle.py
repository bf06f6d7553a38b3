"""What Python and psutil take to be there, before anything is asked of them."""
import psutil  # noqa: F401
