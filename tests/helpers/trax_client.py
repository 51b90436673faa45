"""A real TraX client as a program, since a failed call can crash the process that made it (vot-trax 4.0.2).

Reads a JSON object from stdin: ``server``, the command, and ``steps``, a list of
``["initialize", image, regions, properties]``, ``["frame", image, regions]``, ``["quit"]``.
An image is ``["path", file]``, ``["buffer", file]`` or ``["memory", npy file]``; a region is
``["rectangle", x, y, w, h]``, ``["polygon", x, y, ...]`` or ``["mask", npy file, x, y]``.
Prints a line of JSON for the handshake, then one for each step until one fails. Afterwards it closes the server's pipes
and prints its exit code and stderr.
"""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import trax
from trax.client import Client


def image(kind, file):
    if kind == "path":
        return trax.FileImage.create(file)
    if kind == "memory":
        return trax.MemoryImage.create(np.load(file))
    with open(file, "rb") as stream:
        return trax.BufferImage.create(stream.read())


def region(kind, *values):
    if kind == "rectangle":
        return trax.Rectangle.create(*map(float, values))
    if kind == "polygon":
        return trax.Polygon.create(list(zip(values[::2], values[1::2], strict=True)))
    return trax.Mask.create(np.load(values[0]), *values[1:])


def told(objects):
    answer = []
    for one, properties in objects:
        if one.type == "rectangle":
            values = list(one.bounds())
        else:
            values = [coordinate for point in one for coordinate in point]
        answer.append([one.type, values, properties])
    return {"objects": answer}


def main():
    session = json.load(sys.stdin)
    environment = dict(os.environ)
    listener = None
    if session.get("socket"):
        listener = socket.create_server(("127.0.0.1", 0))
        environment["TRAX_SOCKET"] = str(listener.getsockname()[1])
    server = subprocess.Popen(
        session["server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    stream = listener.fileno() if listener else (server.stdin.fileno(), server.stdout.fileno())
    failed = ""
    try:
        client = Client(stream, log=lambda character: None)
        hello = {"name": client.tracker_name, "regions": client.region_formats, "images": client.image_formats}
        print(json.dumps({**hello, "channels": client.channels, **client._custom}), flush=True)
        for name, *arguments in session["steps"]:
            if name == "quit":
                client.quit()
                continue
            images = {"color": image(*arguments[0])}
            regions = [(region(*one), {}) for one in arguments[1]]
            if name == "initialize":
                objects, _ = client.initialize(images, regions, (arguments[2:] or [{}])[0])
            else:
                objects, _ = client.frame(images, {}, regions)
            print(json.dumps(told(objects)), flush=True)
    except trax.TraxException as error:
        failed = str(error)
    server.stdin.close()
    stderr = server.stderr.read().decode()
    print(json.dumps({"exit": server.wait(), "error": failed, "stderr": stderr}), flush=True)
    os._exit(0)  # libtrax may crash in its finalizers


main()
