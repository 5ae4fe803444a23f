# The two libraries that ship. Their objects are those of the static libraries, each exactly once, so whatever registers
# itself at start is there and no process ever holds two runtimes.
#
# Their calls of their own functions are bound when they are linked, as -fno-semantic-interposition has it when they are
# compiled: looking names up was a tenth of a first call, and each later call is one jump shorter.

add_library(duet SHARED
  $<TARGET_OBJECTS:duet_runtime> $<TARGET_OBJECTS:duet_eager> $<TARGET_OBJECTS:duet_graph>
  $<TARGET_OBJECTS:duet_passes> $<TARGET_OBJECTS:duet_jit> $<TARGET_OBJECTS:duet_kernels> ${DUET_KERNEL_OBJECTS})
set_target_properties(duet PROPERTIES LINKER_LANGUAGE CXX)
target_link_libraries(duet PUBLIC duet_dependencies)
target_link_options(duet PRIVATE -Wl,--build-id=sha1 -Wl,-Bsymbolic-functions
                    $<$<NOT:$<BOOL:${DUET_SANITIZE}>>:-Wl,--no-undefined>)

add_library(duet_jit_shared SHARED $<TARGET_OBJECTS:duet_jit_llvm>)
set_target_properties(duet_jit_shared PROPERTIES OUTPUT_NAME duet_jit LINKER_LANGUAGE CXX)
target_link_libraries(duet_jit_shared PUBLIC duet PRIVATE duet_llvm)
target_link_options(duet_jit_shared PRIVATE -Wl,--build-id=sha1 -Wl,-Bsymbolic-functions
                    $<$<NOT:$<BOOL:${DUET_SANITIZE}>>:-Wl,--no-undefined>)
