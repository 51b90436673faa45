"""A one-thread TraX tracker for tests of the evaluation: it reads no image and is a function of its first box.

Environment: DUMMY_DRIFT pixels per frame to the right (default 2), DUMMY_SPIN milliseconds of work per frame,
DUMMY_SLEEP milliseconds of idle time per frame, DUMMY_CRASH name of a folder: crash at the fifth frame as long as the
folder has fewer than DUMMY_CRASHES files (each crash leaves one; default: always), DUMMY_HANG=1: never answer a frame,
DUMMY_LIVES name of a file that gets a line for every process started.
"""

import os
import sys
import time
from pathlib import Path

from trax import Image, Region, Server, TraxStatus
from trax.region import Rectangle

DRIFT = float(os.environ.get("DUMMY_DRIFT", "2"))
SPIN = float(os.environ.get("DUMMY_SPIN", "0")) / 1000
SLEEP = float(os.environ.get("DUMMY_SLEEP", "0")) / 1000


def crash_if_told(frames: int) -> None:
    folder = os.environ.get("DUMMY_CRASH")
    if not folder or frames != 5:
        return
    crashes = len(list(Path(folder).iterdir()))
    if crashes < int(os.environ.get("DUMMY_CRASHES", "1000000")):
        Path(folder, f"{crashes}-{os.getpid()}").touch()
        print("the dummy was told to crash", file=sys.stderr, flush=True)
        os._exit(7)


def main() -> None:
    if lives := os.environ.get("DUMMY_LIVES"):
        with open(lives, "a") as file:
            file.write(f"{os.getpid()}\n")
    with Server([Region.RECTANGLE], [Image.PATH], ["color"], "dummy") as server:
        frames = 0
        while True:
            request = server.wait()
            if request.type == TraxStatus.INITIALIZE:
                x, y, w, h = request.objects[0][0].bounds()
                frames = 0
            elif request.type == TraxStatus.FRAME:
                frames += 1
                x += DRIFT
                crash_if_told(frames)
            else:
                return
            if os.environ.get("DUMMY_HANG") and frames:
                time.sleep(3600)
            time.sleep(SLEEP)
            end = time.process_time() + SPIN
            while time.process_time() < end:
                pass
            server.status([(Rectangle.create(x, y, w, h), {"confidence": f"{1 / (1 + frames):.4f}"})])


if __name__ == "__main__":
    main()
