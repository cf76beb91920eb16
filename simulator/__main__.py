import asyncio

from simulator.options import read_options
from simulator.service import serve

if __name__ == "__main__":
    asyncio.run(serve(read_options()))
