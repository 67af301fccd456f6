"""Files of many types: some that every system has, and some made for the purpose."""

import csv
import gzip
import io
import json
import pathlib
import plistlib
import sqlite3
import stat
import struct
import sysconfig
import tarfile
import wave
import zipfile
import zlib

FOLDERS = (
    "/usr/bin",
    "/usr/include",
    "/usr/lib",
    "/usr/share",
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
)
LOOKED_AT = 20000  # files of a folder
OF_ONE_SUFFIX = 3
MOST = 150


def collect(folder):
    """Paths of about MOST files; those that are made are put in `folder`."""
    made = [folder / name for name in make(folder)]
    found = {}
    for root in FOLDERS:
        for number, path in enumerate(pathlib.Path(root).rglob("*")):
            if number == LOOKED_AT:
                break
            same = found.setdefault(path.suffix.lower(), [])
            if len(same) < OF_ONE_SUFFIX and is_sample(path):
                same.append(path)
    return made + sorted(path for same in found.values() for path in same)[: MOST - len(made)]


def is_sample(path):
    try:
        status = path.stat()
    except OSError:  # a link to nothing, say
        return False
    readable = stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IROTH
    return readable and 64 <= status.st_size <= 16 << 20


def make(folder):
    table = [{"name": f"row {i}", "value": i * i} for i in range(100)]
    text = io.StringIO()
    writer = csv.DictWriter(text, ["name", "value"])
    writer.writeheader()
    writer.writerows(table)
    files = {
        "a.json": json.dumps(table, indent=2).encode(),
        "a.csv": text.getvalue().encode(),
        "a.plist": plistlib.dumps({"rows": table}),
        "a.bplist": plistlib.dumps({"rows": table}, fmt=plistlib.FMT_BINARY),
        "a.gz": gzip.compress(text.getvalue().encode()),
        "a.zip": in_zip(text.getvalue()),
        "a.tar": in_tar(text.getvalue().encode()),
        "a.png": png(64, 64),
        "a.pdf": b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
        b"2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n"
        b"trailer\n<< /Root 1 0 R >>\n%%EOF\n",
        "a.html": b"<!DOCTYPE html>\n<html><head><title>t</title></head>"
        b"<body><p>text</p></body></html>\n",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with wave.open(str(folder / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(struct.pack("<8000h", *(i % 200 * 100 for i in range(8000))))
    with sqlite3.connect(folder / "a.sqlite") as database:
        database.execute("create table t (name text, value integer)")
        database.executemany("insert into t values (:name, :value)", table)
    database.close()
    return [*files, "a.wav", "a.sqlite"]


def in_zip(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", text)
    return out.getvalue()


def in_tar(content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("a.csv")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def png(width, height):
    def chunk(kind, data):
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    rows = b"".join(b"\0" + bytes((x * y) % 256 for x in range(width)) for y in range(height))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")
