"""Which shared libraries a program needs, and which of them the machine it will run on has itself."""

import re
import subprocess
from pathlib import Path

from elf import BundleError, Elf

# Of glibc, and of the kernel.
GLIBC = re.compile(r"(ld-linux.*|linux-vdso|lib(c|m|mvec|dl|pthread|rt|util|resolv|anl|thread_db|nss_.*))\.so.*")
CUDA = re.compile(
    r"lib(cuda|cudart|cublas|cublasLt|cudnn|cufft|cupti|curand|cusolver|cusparse|nccl|nvrtc|nvJitLink|nvToolsExt|"
    r"nvidia-ml)[-_.0-9a-z]*\.so.*"
)
OPENMPI = re.compile(r"lib(mpi|open-rte|open-pal|mca_common_.*)\.so.*")


def resolved(file: Path) -> dict[str, Path]:
    """Every library that the dynamic linker loads with a file, by the name it is asked for. Throws BundleError where
    one is missing."""
    done = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BundleError(f"ldd {file}: {done.stderr.strip() or done.stdout.strip()}")
    found = {}
    for line in done.stdout.splitlines():
        name, arrow, place = line.strip().partition(" => ")
        if arrow and place.startswith("not found"):
            raise BundleError(f"{file.name} needs {name}, which the dynamic linker does not find here")
        if arrow:
            found[name] = Path(place.rsplit(" (", 1)[0])
    return found


class Libraries:
    """Libraries gathered from files that need them, without those of glibc, CUDA and one LibTorch."""

    def __init__(self) -> None:
        self.places: dict[str, Path] = {}
        self.torch: Path | None = None
        self._needed: dict[Path, list[str]] = {}

    def add(self, file: Path) -> None:
        """Asks the dynamic linker where a file's libraries lie."""
        for name, place in resolved(file).items():
            self.places.setdefault(name, place)
        if place := self.places.get("libtorch_cpu.so"):
            self.torch = place.resolve().parent

    def is_elsewhere(self, name: str) -> bool:
        """True of what the machine that runs the program brings itself."""
        place = self.places.get(name)
        return bool(GLIBC.fullmatch(name) or CUDA.fullmatch(name)) or (
            place is not None and self.torch is not None and place.resolve().parent == self.torch
        )

    def needed(self, file: Path) -> list[str]:
        if file not in self._needed:
            self._needed[file] = Elf(file).needed()
        return self._needed[file]

    def closure(self, files: list[Path], without: re.Pattern | None = None) -> dict[str, Path]:
        """The libraries that files need, and those that these need, by name; not looking through those `without`."""
        found: dict[str, Path] = {}
        waiting = [name for file in files for name in self.needed(file)]
        while waiting:
            name = waiting.pop()
            if name in found or self.is_elsewhere(name) or (without and without.fullmatch(name)):
                continue
            if name not in self.places:
                raise BundleError(f"{name}: needed, but the dynamic linker did not say where it lies")
            found[name] = self.places[name]
            waiting += self.needed(found[name])
        return found
