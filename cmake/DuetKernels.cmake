# duet_kernels: the eager kernels. duet-kernel-generator lowers each op to object code for x86-64-v3 and -v4 and
# writes the table of them. It links the whole line statically, with an empty table in the place of the real one.

set(table_empty "${CMAKE_SOURCE_DIR}/eager/kernel_table_empty.cc")
if(NOT EXISTS "${table_empty}")
  set(table_empty "${DUET_EMPTY_SOURCE}")
endif()
add_library(duet_kernel_table_empty STATIC "${table_empty}")
target_link_libraries(duet_kernel_table_empty PUBLIC duet_eager)
duet_warnings(duet_kernel_table_empty)

set(line duet_runtime)
foreach(folder IN ITEMS runtime eager graph passes jit)
  list(APPEND line duet_${folder})
  list(REMOVE_DUPLICATES line)
  if(folder STREQUAL "runtime")
    duet_links_alone(${folder} ${line})
  else()
    duet_links_alone(${folder} duet_kernel_table_empty ${line})
  endif()
endforeach()

file(GLOB generator_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tools/kernel_generator*.cc")
if(NOT generator_sources)
  message(WARNING "tools/kernel_generator.cc is missing: libduet gets the empty kernel table.")
  add_library(duet_kernels STATIC "${table_empty}")
  target_link_libraries(duet_kernels PUBLIC duet_eager)
  return()
endif()

add_executable(duet-kernel-generator
  ${generator_sources} $<TARGET_OBJECTS:duet_kernel_table_empty> $<TARGET_OBJECTS:duet_runtime>
  $<TARGET_OBJECTS:duet_eager> $<TARGET_OBJECTS:duet_graph> $<TARGET_OBJECTS:duet_passes> $<TARGET_OBJECTS:duet_jit>
  $<TARGET_OBJECTS:duet_jit_llvm>)
target_link_libraries(duet-kernel-generator PRIVATE duet_dependencies duet_llvm)
duet_warnings(duet-kernel-generator)

# Written to a scratch folder and copied only where it differs, so that a change that leaves the kernels as they were
# (a comment, a pass) does not compile and link them again.
set(kernel_dir "${CMAKE_BINARY_DIR}/generated/kernels")
set(kernel_files kernels_v3.o kernels_v4.o kernel_table.cc)
set(kernel_outputs)
set(kernel_copies)
foreach(file IN LISTS kernel_files)
  list(APPEND kernel_outputs "${kernel_dir}/${file}")
  list(APPEND kernel_copies COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${kernel_dir}/new/${file}"
       "${kernel_dir}/${file}")
endforeach()
file(MAKE_DIRECTORY "${kernel_dir}/new")
add_custom_command(
  OUTPUT ${kernel_outputs}
  COMMAND "${CMAKE_COMMAND}" -E env ASAN_OPTIONS=detect_leaks=0:detect_container_overflow=0
          $<TARGET_FILE:duet-kernel-generator> --output "${kernel_dir}/new"
  ${kernel_copies}
  DEPENDS duet-kernel-generator
  COMMENT "Compiling the eager kernels"
  VERBATIM)

set_source_files_properties("${kernel_dir}/kernels_v3.o" "${kernel_dir}/kernels_v4.o"
                            PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
add_library(duet_kernels STATIC ${kernel_outputs})
target_link_libraries(duet_kernels PUBLIC duet_eager)
set(DUET_KERNEL_OBJECTS "${kernel_dir}/kernels_v3.o" "${kernel_dir}/kernels_v4.o")
