# Sourced by the programs of the bundle, with root set to its folder: OpenMPI looks for its parts where these say.
export OPAL_PREFIX="$root/openmpi"
export OPAL_BINDIR="$root/openmpi/bin"
export OPAL_LIBDIR="$root/openmpi/lib"
export OPAL_PKGLIBDIR="$root/openmpi/lib/openmpi"
export OPAL_PKGDATADIR="$root/openmpi/share"
export OPAL_SYSCONFDIR="$root/openmpi/etc"
export PMIX_INSTALL_PREFIX="$root/openmpi/pmix"
export PMIX_PREFIX="$root/openmpi/pmix"
export PMIX_LIBDIR="$root/openmpi/pmix/lib"
export PMIX_DATADIR="$root/openmpi/pmix/share"
export PMIX_SYSCONFDIR="$root/openmpi/pmix/share"
export PMIX_MCA_mca_base_component_path="$root/openmpi/pmix/lib/pmix"
# Plugins of the machine's own versions of these libraries stay out.
export HWLOC_PLUGINS_PATH="$root/openmpi/lib/hwloc"
export SASL_PATH="$root/openmpi/lib/sasl2"
# mpirun refuses to start where its way to other machines is missing, even if it needs none or has Slurm's.
if [ -z "${OMPI_MCA_plm_rsh_agent:-}" ] && ! command -v ssh >/dev/null && ! command -v rsh >/dev/null; then
  export OMPI_MCA_plm="${OMPI_MCA_plm:-^rsh}"
fi
