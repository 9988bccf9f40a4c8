/* Functions of glibc 2.35 and 2.36 that libraries of Debian 12 need, for machines with glibc 2.34. Where glibc has its
   own, either may be taken: scripts/bundle/elf.py leaves the reference without a version. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* glibc 2.36: random bytes from the kernel; ends the process where there are none, as glibc does. */
void arc4random_buf(void* bytes, size_t size) {
  unsigned char* next = bytes;
  while (size > 0) {
    const ssize_t got = getrandom(next, size, 0);
    if (got < 0 && errno != EINTR) abort();
    if (got > 0) {
      next += got;
      size -= (size_t)got;
    }
  }
}

uint32_t arc4random(void) {
  uint32_t value;
  arc4random_buf(&value, sizeof value);
  return value;
}

#ifdef DLFO_STRUCT_HAS_EH_DBASE
/* glibc 2.35: where the tables for unwinding lie of the object that holds an address. libgcc calls it for each frame of
   an exception; before glibc 2.35 it walked the objects just as here. */
struct search {
  uintptr_t address;
  struct dl_find_object* result;
};

static int look_into(struct dl_phdr_info* object, size_t size, void* argument) {
  struct search* search = argument;
  uintptr_t first = UINTPTR_MAX, end = 0, frames = 0;
  int holds = 0;
  (void)size;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)* part = &object->dlpi_phdr[i];
    const uintptr_t start = object->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_GNU_EH_FRAME) frames = start;
    if (part->p_type != PT_LOAD) continue;
    if (start < first) first = start;
    if (start + part->p_memsz > end) end = start + part->p_memsz;
    if (search->address >= start && search->address < start + part->p_memsz) holds = 1;
  }
  if (!holds || frames == 0) return 0;
  search->result->dlfo_map_start = (void*)first;
  search->result->dlfo_map_end = (void*)end;
  search->result->dlfo_eh_frame = (void*)frames;
  return 1;
}

/* The result's dlfo_link_map stays empty: unwinding does not read it. */
int _dl_find_object(void* address, struct dl_find_object* result) {
  struct search search = {(uintptr_t)address, result};
  memset(result, 0, sizeof *result);
  return dl_iterate_phdr(look_into, &search) == 1 ? 0 : -1;
}
#endif
