"""How busy a judge's server is kept, beside delphi's HTTP client on the same work.

    .venv-peers/bin/python bench/judge_throughput.py [--requests 20000] [--in-flight 64] [--repeats 3] [--json OUT]

Against bench/slot_server.py (64 slots, 50 ms a reply: at most 1,280 replies a second). Ours reads logprobs and keeps every
reply in its cache; delphi's client (loaded by path, as many calls at a time) does neither. With more in flight than slots a
few wait at the server, so that a slot that becomes free finds the next at once. Repeats alternate; figures are medians
(least to greatest). Then peak memory with 1,000,000 requests to make, over ten seconds.
"""

import argparse
import asyncio
import functools
import importlib.util
import json
import logging
import statistics
import subprocess
import sys
import time
import types
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def statistics_of(url):
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as reply:
        return json.load(reply)


def ours(url, n, in_flight):
    done = subprocess.run([ROOT / "build/bench/timed_judge", url, str(n), str(in_flight)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@functools.cache
def delphi_client():
    """delphi's client class without the package around it, which wants a release of vllm."""
    folder = Path(importlib.util.find_spec("delphi").submodule_search_locations[0])
    package = types.ModuleType("delphi")
    package.logger = logging.getLogger("delphi")
    clients = types.ModuleType("delphi.clients")
    clients.__path__ = [str(folder / "clients")]
    sys.modules |= {"delphi": package, "delphi.clients": clients}
    package.logger.setLevel(logging.ERROR)
    for name in ("types", "client", "openrouter"):
        spec = importlib.util.spec_from_file_location(f"delphi.clients.{name}", folder / "clients" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return module.OpenRouter


def theirs(url, n, in_flight):
    async def all_of_them():
        client = delphi_client()("m", api_key="none", base_url=url + "/chat/completions", max_tokens=128, temperature=0)
        room = asyncio.Semaphore(in_flight)

        async def one(i):
            async with room:
                await client.generate([{"role": "system", "content": "s" * 1500},
                                       {"role": "user", "content": f"Explanation {i}: " + "u" * 1000}])

        start = time.perf_counter()
        await asyncio.gather(*(one(i) for i in range(n)))
        return time.perf_counter() - start

    return {"answered": n, "seconds": asyncio.run(all_of_them())}


def spread(values):
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=20000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    server = subprocess.Popen([sys.executable, ROOT / "bench/slot_server.py"], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        runs = {"saesweep": [], "delphi": []}
        for _ in range(arguments.repeats):
            for name, run, n in (("saesweep", ours, arguments.requests), ("delphi", theirs, arguments.requests // 4)):
                statistics_of(url)
                found = run(url, n, arguments.in_flight)
                runs[name].append(found | {"server": statistics_of(url)})
        memory = json.loads(subprocess.run([ROOT / "build/bench/timed_judge", url, "1000000", str(arguments.in_flight), "10"],
                                           capture_output=True, text=True, check=True).stdout)
    finally:
        server.terminate()
    for name, found in runs.items():
        print(f"{name:9} replies/s {spread([run['answered'] / run['seconds'] for run in found])}, "
              f"slots busy {spread([run['server']['busy'] for run in found])}")
    ratios = [a["answered"] / a["seconds"] / (b["answered"] / b["seconds"]) for a, b in zip(runs["saesweep"], runs["delphi"])]
    print(f"ratio {spread(ratios)}")
    print(f"1,000,000 requests to make: {memory['answered']} answered in {memory['seconds']:.1f} s, "
          f"peak {memory['peak_mb']:.0f} MB ({memory['mb_before']:.0f} MB before the first)")
    if arguments.json:
        arguments.json.write_text(json.dumps({"runs": runs, "memory": memory}, indent=1))


if __name__ == "__main__":
    main()
