"""Serve one pattern on a free port, which is printed, until standard input closes.

python tests/benchmarks/patterns/serve.py PATTERN [PROFILE_FILE]
"""

import cProfile
import os
import socket
import sys
import threading
from importlib import import_module
from pathlib import Path

import uvicorn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main(pattern: str, profile_file: str | None = None) -> None:
    module = import_module(f"benchmarks.patterns.{pattern}")
    app = module.create_app(os.environ["DATABASE_URL"])
    config = uvicorn.Config(app, loop="asyncio", access_log=False, log_level="warning")
    server = uvicorn.Server(config)

    def stop_at_the_end_of_input() -> None:
        sys.stdin.read()
        server.should_exit = True

    # asyncio sets TCP_NODELAY only where the protocol is named. Without it the body of a response,
    # which uvicorn sends after the head, waits 40 ms for the client's acknowledgement.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(listener.getsockname()[1], flush=True)
        threading.Thread(target=stop_at_the_end_of_input, daemon=True).start()
        if profile_file:
            with cProfile.Profile() as profile:
                server.run(sockets=[listener])
            profile.dump_stats(profile_file)
        else:
            server.run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
