# Run at each build, as a script: writes into FILE the commit of the checkout SOURCE, only where that changed.
# SAESWEEP_COMMIT is "" where SOURCE is no git checkout; ".changed" stands behind it where files differ from the commit.
function(git result)
  execute_process(COMMAND git --no-optional-locks -C ${SOURCE} ${ARGN}
    OUTPUT_VARIABLE output RESULT_VARIABLE failed ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(failed)
    set(output "")
  endif()
  set(${result} "${output}" PARENT_SCOPE)
endfunction()

set(commit "")
git(top rev-parse --show-toplevel)
file(REAL_PATH ${SOURCE} source)
if(top STREQUAL source)
  git(commit describe --always --abbrev=12 --exclude=* --dirty=.changed)
endif()

set(text "#define SAESWEEP_COMMIT \"${commit}\"\n")
set(before "")
if(EXISTS ${FILE})
  file(READ ${FILE} before)
endif()
if(NOT before STREQUAL text)
  file(WRITE ${FILE} "${text}")
endif()
