# The few shapes a target can have. A folder's CMakeLists.txt is one or two calls of these.

set(DUET_EMPTY_SOURCE "${CMAKE_BINARY_DIR}/generated/empty.cc")
if(NOT EXISTS "${DUET_EMPTY_SOURCE}")
  file(WRITE "${DUET_EMPTY_SOURCE}" "// A folder without sources.\n")
endif()

# Warnings for code of this repository. GCC 12 takes what an empty InlinedVector of Abseil does not hold for
# uninitialised when a temporary of it is moved from, so elements are made in place (emplace_back) or assigned from a
# named one. What it still says of that kind stays a warning.
function(duet_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion $<$<BOOL:${DUET_WERROR}>:-Werror>
    $<$<AND:$<BOOL:${DUET_WERROR}>,$<CXX_COMPILER_ID:GNU>>:-Wno-error=maybe-uninitialized;-Wno-error=uninitialized>)
endfunction()

# duet_sources(<variable> [EXCLUDE name...]): the .cc files of the current folder, found again at every build.
function(duet_sources variable)
  cmake_parse_arguments(arg "" "" "EXCLUDE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  foreach(name IN LISTS arg_EXCLUDE)
    list(REMOVE_ITEM sources "${CMAKE_CURRENT_SOURCE_DIR}/${name}")
  endforeach()
  set(${variable} "${sources}" PARENT_SCOPE)
endfunction()

# duet_folder_library(<name> [EXCLUDE file...] LINK target...): the static library of the current folder.
function(duet_folder_library name)
  cmake_parse_arguments(arg "" "" "EXCLUDE;LINK" ${ARGN})
  duet_sources(sources EXCLUDE ${arg_EXCLUDE})
  if(NOT sources)
    set(sources "${DUET_EMPTY_SOURCE}")
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC ${arg_LINK})
  duet_warnings(${name})
endfunction()

# duet_links_alone(<folder> target...): proof that a folder calls nothing to its right. The objects of the folder and
# of those to its left are linked with no symbol left open. Sanitizers leave symbols open by design, so not there.
function(duet_links_alone folder)
  if(DUET_SANITIZE)
    return()
  endif()
  set(objects)
  foreach(target IN LISTS ARGN)
    list(APPEND objects $<TARGET_OBJECTS:${target}>)
  endforeach()
  list(GET ARGN -1 last)
  add_library(duet_links_alone_${folder} MODULE ${objects})
  set_target_properties(duet_links_alone_${folder} PROPERTIES LINKER_LANGUAGE CXX
                        LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/archive")
  target_link_libraries(duet_links_alone_${folder} PRIVATE duet_dependencies)
  target_link_options(duet_links_alone_${folder} PRIVATE -Wl,--no-undefined)
endfunction()

# duet_executable(<name> SOURCES file... [LINK target...]): linked with libduet.so, in build/bin.
function(duet_executable name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE duet ${arg_LINK})
  add_dependencies(${name} duet_jit_shared)  # found by dlopen, so nothing else would build it
  duet_warnings(${name})
endfunction()
