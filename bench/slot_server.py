"""A stand-in for a model's server: 64 slots, 50 ms a reply; measures how busy its slots are kept.

    python bench/slot_server.py [--slots 64] [--seconds 0.05]

Prints its address. POST to any path takes a slot; GET /stats tells how busy the slots were since the last GET /stats, from a
second after the first request to a second before the last one: busy slot-seconds over all slot-seconds.
"""

import argparse
import asyncio
import json
import math
import time

ANSWERS = 5


def chat_reply():
    """Five answers with their logprobs."""
    def token(text, candidates=()):
        top = [{"token": other, "logprob": value, "bytes": None} for other, value in candidates]
        return {"token": text, "logprob": 0.0, "bytes": None, "top_logprobs": top}

    both = [("1", math.log(0.75)), ("0", math.log(0.25))]
    content = [token("[", [("[", 0.0)])]
    for i in range(ANSWERS):
        content += [token("1", both), token("]" if i == ANSWERS - 1 else ", ", [(",", 0.0)])]
    text = "".join(part["token"] for part in content)
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": {"content": content},
              "finish_reason": "stop"}
    usage = {"prompt_tokens": 700, "completion_tokens": 11, "total_tokens": 711}
    return json.dumps({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}).encode()


class Slots:
    def __init__(self, n, seconds):
        self.n, self.seconds = n, seconds
        self.free = asyncio.Semaphore(n)
        self.clear()

    def clear(self):
        self.busy = 0
        self.changes = []  # time, slots busy from then on

    def change(self, by):
        self.busy += by
        self.changes.append((time.perf_counter(), self.busy))

    async def work(self):
        async with self.free:
            self.change(1)
            await asyncio.sleep(self.seconds)
            self.change(-1)

    def stats(self):
        if not self.changes:
            return {"requests": 0}
        begin, end = self.changes[0][0] + 1, self.changes[-1][0] - 1
        busy = 0.0
        for (start, n), (stop, _) in zip(self.changes, self.changes[1:]):
            busy += n * max(0.0, min(stop, end) - max(start, begin))
        steady = end - begin
        return {"requests": len(self.changes) // 2, "seconds": self.changes[-1][0] - self.changes[0][0],
                "busy": busy / (self.n * steady) if steady > 0 else None}


async def serve(arguments):
    slots, reply = Slots(arguments.slots, arguments.seconds), chat_reply()

    def response(body):
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async def connection(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
                if length:
                    await reader.readexactly(length)
                if head.startswith(b"GET"):
                    body = json.dumps(slots.stats()).encode()
                    slots.clear()
                    writer.write(response(body))
                else:
                    await slots.work()
                    writer.write(response(reply))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, backlog=1024, limit=1 << 20)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=0.05)
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        pass
