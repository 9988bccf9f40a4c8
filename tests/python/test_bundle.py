"""scripts/bundle.sh: the folder runs elsewhere, where none of the libraries it was made from can be seen.

The test runs it in a root of its own that holds glibc, the bundle, LibTorch and a few tools. SAESWEEP_TEST_GLIBC may
name the root of another glibc to run on, such as Ubuntu 22.04's libc6 unpacked (dpkg -x libc6_2.35-*.deb FOLDER).
"""

import ctypes
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sweep_runs import ENVIRONMENT, PERL_DOC, ROOT, n_done, reproducible

sys.path.insert(0, str(ROOT / "scripts/bundle"))
from elf import BundleError, Elf  # noqa: E402

BUILD = ROOT / os.environ.get("SAESWEEP_BUILD", "build")
TORCH = Path(importlib.util.find_spec("torch").submodule_search_locations[0])
GLIBC_NAMES = ("ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libmvec.so.1", "libdl.so.2", "libpthread.so.0",
               "librt.so.1", "libresolv.so.2", "libutil.so.1", "libanl.so.1")  # fmt: skip
TOOLS = ("sh", "bash", "readlink", "dirname", "cat", "sed", "head", "env", "unshare", "hostname")
NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]

SWEEP = """[sweep]
name = "bundled"
output = "FOLDER/out"
[model]
paths = "FOLDER/model"
variants = ["trained", "control"]
init_seeds = 0
layers = [2]
[text]
train = "FOLDER/train.pod"
held_out = "FOLDER/held_out.pod"
context_length = 256
[sae]
expansion_factor = 4
k = 8
tokens = 8_192
batch_tokens = 1024
[evaluate]
tokens = 4096
ce_tokens = 1024
"""


def run(words, timeout=300, **more):
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=timeout, **more)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    """Made in one place, moved to another."""
    folder = tmp_path_factory.mktemp("made") / "bundle"
    done = run([ROOT / "scripts/bundle.sh", "--build", BUILD, folder])
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(shutil.move(folder, tmp_path_factory.mktemp("moved") / "saesweep-bundle"))


def elf_files(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if path.open("rb").read(4) == b"\x7fELF"]


def put_inputs(folder: Path) -> Path:
    """A small sweep with its model and texts in one folder."""
    folder.mkdir()
    shutil.copytree(ROOT / "models/tiny", folder / "model")
    shutil.copy(PERL_DOC / "perlop.pod", folder / "train.pod")
    shutil.copy(PERL_DOC / "perltie.pod", folder / "held_out.pod")
    return folder


class Root:
    """A root folder with glibc, tools that see libraries of their own, the bundle, and LibTorch; nothing else."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        self.folder = folder
        for name in ("proc", "dev", "sys", "tmp", "etc", "usr/bin", "lib64", "usr/lib/x86_64-linux-gnu", "tools",
                     "opt/bundle", "opt/python/torch", "opt/python/nvidia"):  # fmt: skip
            (folder / name).mkdir(parents=True)
        for name in ("bin", "lib"):
            (folder / name).symlink_to(f"usr/{name}")
        self._put_glibc(Path(os.environ.get("SAESWEEP_TEST_GLIBC", "/")))
        for name in TOOLS:
            self._put_tool(Path(shutil.which(name)))
        self.mounts = {bundle: "opt/bundle", TORCH: "opt/python/torch", "/proc": "proc", "/dev": "dev", "/sys": "sys"}
        if (TORCH.parent / "nvidia").exists():  # CUDA's libraries, which LibTorch finds beside it
            self.mounts[TORCH.parent / "nvidia"] = "opt/python/nvidia"

    def _put_glibc(self, source: Path) -> None:
        for name in GLIBC_NAMES:
            places = (source / folder / name for folder in ("lib/x86_64-linux-gnu", "lib64"))
            place = next(place for place in places if place.exists())
            shutil.copy2(place.resolve(), self.folder / "usr/lib/x86_64-linux-gnu" / name)
        loader = self.folder / "lib64/ld-linux-x86-64.so.2"
        loader.symlink_to("../usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")

    def _put_tool(self, tool: Path) -> None:
        copy = self.folder / "usr/bin" / tool.name
        shutil.copy2(tool.resolve(), copy)
        for place in re.findall(r"=> (/\S+)", run(["ldd", tool]).stdout):
            if Path(place).name not in GLIBC_NAMES:
                shutil.copy2(Path(place).resolve(), self.folder / "tools" / Path(place).name)
        subprocess.run(["patchelf", "--force-rpath", "--set-rpath", "/tools", copy], check=True)

    def run(self, *words, **environment) -> subprocess.CompletedProcess:
        mounts = [f"mount --rbind '{source}' '{self.folder / target}'" for source, target in self.mounts.items()]
        script = " && ".join([*mounts, f"exec chroot '{self.folder}' /usr/bin/env -i \"$@\""])
        settings = {"PATH": "/usr/bin", "HOME": "/tmp", "SAESWEEP_TORCH": "/opt/python/torch", **environment}
        settings |= {name: value for name, value in ENVIRONMENT.items() if name.startswith("OMPI_ALLOW")}
        return run([*NAMESPACE, "sh", "-c", script, "sh", *(f"{k}={v}" for k, v in settings.items()), *words])


@pytest.fixture(scope="module")
def root(tmp_path_factory, bundle) -> Root:
    probe = run([*NAMESPACE, "sh", "-c", "mount --bind /proc /proc && chroot / true"])
    if probe.returncode != 0:
        pytest.skip(f"namespaces are not permitted here, so the originals cannot be hidden: {probe.stderr.strip()}")
    return Root(tmp_path_factory.mktemp("root") / "root", bundle)


def test_no_file_needs_a_glibc_newer_than_2_34(bundle):
    files = elf_files(bundle)
    assert len(files) > 50
    for path in files:
        needs = run(["readelf", "--version-info", "--wide", path]).stdout.partition("Version needs section")[2]
        for version in re.findall(r"Name: GLIBC_(\S+)", needs):
            assert tuple(map(int, version.split("."))) <= (2, 34), f"{path}: {version}"


def test_every_library_is_in_the_bundle_or_is_glibcs_or_libtorchs(bundle):
    there = {path.name for path in elf_files(bundle)}
    elsewhere = {*GLIBC_NAMES, *(path.name for path in (TORCH / "lib").iterdir())}
    for path in elf_files(bundle):
        dynamic = run(["readelf", "--dynamic", "--wide", path]).stdout
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
        assert needed <= there | elsewhere, path
        (folders,) = re.findall(r"\(RPATH\).*\[(.*)\]", dynamic)
        assert all(folder.startswith("$ORIGIN/") for folder in folders.split(":")), path


def test_runs_where_the_originals_are_hidden(root, bundle, tmp_path):
    visible = {path.name for path in root.folder.rglob("usr/lib/**/*") if path.is_file()}
    assert visible == set(GLIBC_NAMES)
    version = root.run("/opt/bundle/saesweep", "--version")
    assert (version.returncode, version.stdout.split()[0]) == (0, "saesweep"), version.stderr

    folder = put_inputs(root.folder / "tmp/inputs")
    (folder / "sweep.toml").write_text(SWEEP.replace("FOLDER", "/tmp/inputs"))
    plan = root.run("/opt/bundle/saesweep", "plan", "/tmp/inputs/sweep.toml")
    assert plan.returncode == 0, plan.stderr
    done = root.run("/opt/bundle/bin/mpirun", "-q", "--oversubscribe", "--bind-to", "none", "-n", "2",
                    "/opt/bundle/saesweep", "run", "/tmp/inputs/sweep.toml")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert n_done(folder / "out/results.h5") == 2

    here = put_inputs(tmp_path / "here")
    (here / "sweep.toml").write_text(SWEEP.replace("FOLDER", str(here)))
    assert run([BUILD / "saesweep", "run", here / "sweep.toml"], env=ENVIRONMENT).returncode == 0
    assert reproducible(folder / "out") == reproducible(here / "out")


def test_mpirun_reaches_other_machines_from_the_bundle_alone(root):
    agent = root.folder / "tmp/agent"  # in place of ssh: a shell with nothing of the caller's, under another name
    start = 'exec env -i PATH=/usr/bin HOME=/tmp unshare --uts sh -c "hostname $host; $*"'
    agent.write_text(f"#!/bin/sh\nhost=$1\nshift\n{start}\n")
    agent.chmod(0o755)
    show = 'echo "$(hostname) $SAESWEEP_TORCH"; exec /opt/bundle/saesweep --version'
    done = root.run("/opt/bundle/bin/mpirun", "--mca", "oob_tcp_if_include", "lo",
                    "--mca", "plm_rsh_no_tree_spawn", "1", "--bind-to", "none", "--host", "node2:1,node3:1", "-n", "2",
                    "sh", "-c", show,
                    OMPI_MCA_plm_rsh_agent="/tmp/agent")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {"node2 /opt/python/torch/lib", "node3 /opt/python/torch/lib"} <= set(done.stdout.splitlines())


def test_exceptions_and_random_bytes_do_without_newer_glibc(root, bundle):
    """The compatibility library loaded first, so that its functions are taken where glibc has its own too."""
    compat = "/opt/bundle/lib/libsaesweep_compat.so"
    (root.folder / "tmp/wrong.toml").write_text("[sweep]\nnme = 1\n")
    debug = {"LD_PRELOAD": compat, "LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": "/tmp/bound"}
    done = root.run("/opt/bundle/saesweep", "plan", "/tmp/wrong.toml", **debug)
    assert done.returncode == 2 and "nme" in done.stderr
    bound = "".join(path.read_text() for path in root.folder.glob("tmp/bound.*"))
    assert re.search(rf"libgcc_s.so.1 \[0\] to {compat} \[0\]: normal symbol `_dl_find_object'", bound)
    own = ctypes.CDLL(str(bundle / "lib/libsaesweep_compat.so"))
    own.arc4random.restype = ctypes.c_uint32
    assert len({own.arc4random() for _ in range(20)}) == 20
    drawn = ctypes.create_string_buffer(4096)
    own.arc4random_buf(drawn, ctypes.c_size_t(4096))
    assert len(set(drawn.raw)) > 200


def test_versions_that_nothing_provides_are_refused_by_name(tmp_path):
    source, library = tmp_path / "x.c", tmp_path / "libx.so"
    source.write_text("unsigned arc4random_uniform(unsigned);\nunsigned f(void) { return arc4random_uniform(3); }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    before = library.read_bytes()
    with pytest.raises(BundleError, match="libx.so: needs arc4random_uniform of GLIBC_2.36"):
        Elf(library).lower((2, 34), {"arc4random"})
    assert library.read_bytes() == before
    assert Elf(library).lower((2, 34), {"arc4random_uniform"}) == ["arc4random_uniform"]
    assert "GLIBC_2.36" not in run(["readelf", "--version-info", library]).stdout


def wrapper(bundle: Path, *words, **environment) -> subprocess.CompletedProcess:
    unwanted = ("SAESWEEP_", "VIRTUAL_ENV", "CONDA_")
    clean = {name: value for name, value in ENVIRONMENT.items() if not name.startswith(unwanted)}
    return run([bundle / "saesweep", *words], env={**clean, "PATH": "/usr/bin:/bin", **environment})


def test_libtorch_is_the_one_named_else_the_one_beside_else_the_active_pythons(bundle, tmp_path):
    active = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    for environment in ({"SAESWEEP_TORCH": str(TORCH)}, {"SAESWEEP_TORCH": f"{TORCH}/lib"}, {"PATH": active}):
        done = wrapper(bundle, "--version", **environment)
        assert done.returncode == 0, (environment, done.stderr)
    link = bundle / "torch"
    link.symlink_to(TORCH)
    try:
        assert wrapper(bundle, "--version").returncode == 0
    finally:
        link.unlink()
    done = wrapper(bundle, "--version", SAESWEEP_TORCH=str(tmp_path))
    assert done.returncode == 2 and f"SAESWEEP_TORCH={tmp_path}: no libtorch_cpu.so there" in done.stderr


def test_another_libtorch_than_that_of_the_build_is_refused(bundle, tmp_path):
    (tmp_path / "lib").symlink_to(TORCH / "lib")
    real = tmp_path / "torch"
    real.mkdir()
    (real / "lib").mkdir()
    (real / "lib/libtorch_cpu.so").symlink_to(TORCH / "lib/libtorch_cpu.so")
    (real / "version.py").write_text("__version__ = '1.13.1+cu117'\n")
    done = wrapper(bundle, "--version", SAESWEEP_TORCH=str(real))
    assert done.returncode == 2 and "is of LibTorch 1.13.1" in done.stderr


def test_an_openmpi_of_the_machine_may_be_used_instead(bundle):
    libmpi = Path(re.search(r"libmpi.so.40 => (\S+)", run(["ldd", BUILD / "saesweep"]).stdout)[1])
    launch = ["mpirun", "-q", "--oversubscribe", "--bind-to", "none", "-n", "2", bundle / "saesweep", "--version"]
    environment = {**ENVIRONMENT, "SAESWEEP_TORCH": str(TORCH)}
    done = run(launch, env=environment)
    assert done.returncode == 2 and "started by an mpirun that is not the bundle's" in done.stderr
    done = run(launch, env={**environment, "SAESWEEP_MPI": str(libmpi.parent)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("saesweep") >= 1
    done = run([bundle / "bin/mpirun", "--version"], env={**environment, "SAESWEEP_MPI": str(libmpi.parent)})
    assert done.returncode == 2 and "names another OpenMPI" in done.stderr


def test_a_folder_that_is_no_bundle_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("kept")
    done = run([ROOT / "scripts/bundle.sh", tmp_path])
    assert done.returncode == 2 and "is no bundle" in done.stderr
    assert (tmp_path / "mine").read_text() == "kept"


def test_help_says_how_and_an_unknown_option_is_bad_input():
    done = run([ROOT / "scripts/bundle.sh", "--help"])
    assert done.returncode == 0 and "--build" in done.stdout and "#" not in done.stdout
    done = run([ROOT / "scripts/bundle.sh", "--wrong"])
    assert done.returncode == 2 and "--wrong" in done.stderr


@pytest.mark.parametrize(("version", "flags", "message"), [
    ("2.3", "", "2.4 or newer is needed"),
    ("2.6", "-D_GLIBCXX_USE_CXX11_ABI=0", "was built with the C++ ABI from before C++11"),
    ("2.4", "-D_GLIBCXX_USE_CXX11_ABI=1", ""),
])  # fmt: skip
def test_the_build_says_which_libtorch_it_cannot_take(tmp_path, version, flags, message):
    torch = tmp_path / "libtorch"
    header = torch / "include/torch/csrc/api/include/torch/version.h"
    config = torch / "share/cmake/Torch/TorchConfig.cmake"
    for path in (header, config, torch / "lib/libtorch_cpu.so"):
        path.parent.mkdir(parents=True)
        path.touch()
    major, minor = version.split(".")
    numbers = {"MAJOR": major, "MINOR": minor, "PATCH": 1}
    header.write_text("".join(f"#define TORCH_VERSION_{name} {number}\n\n" for name, number in numbers.items()))
    config.write_text(f'set(TORCH_CXX_FLAGS "{flags}")\n')
    done = run(["cmake", f"-DTorch_DIR={config.parent}", "-P", ROOT / "cmake/LibTorch.cmake"], cwd=tmp_path)
    assert f"LibTorch: {torch}, {version}\n" in done.stdout
    said = " ".join(done.stderr.split())
    assert message in said if message else "C++ ABI" not in said and "is needed" not in said
