"""An upstream over a real socket that sends exactly the bytes of a script, cut and paused as the script says."""

import asyncio
from contextlib import asynccontextmanager

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


@asynccontextmanager
async def upstream(*script, head=STREAM):
    """Its address, and the bodies it was sent. A number in the script is a pause in seconds; behind the script the
    connection is closed.
    """
    bodies = []

    async def serve(reader, writer):
        try:
            asked = await reader.readuntil(b"\r\n\r\n")
            length = int(asked.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            bodies.append(await reader.readexactly(length))
            writer.write(head)
            for each in script:
                if isinstance(each, bytes):
                    writer.write(each)
                    await writer.drain()
                else:
                    await asyncio.sleep(each)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", bodies
    finally:
        server.close()
