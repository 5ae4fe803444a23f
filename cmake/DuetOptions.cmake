# Compiler, flags and output folders. Everything that changes how a file is compiled is here.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(DUET_ASSERTIONS "Keep assert() in optimised builds" ON)
option(DUET_WERROR "Treat warnings as errors" OFF)
set(DUET_SANITIZE "" CACHE STRING "Empty, address (with undefined) or thread")
set_property(CACHE DUET_SANITIZE PROPERTY STRINGS "" address thread)

if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  message(FATAL_ERROR "Duet needs an x86-64 CPU with AVX2 and FMA; this is ${CMAKE_SYSTEM_PROCESSOR}.")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "Duet needs GCC 12 or newer; this is ${CMAKE_CXX_COMPILER_VERSION}.")
endif()

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
if(NOT DUET_ASSERTIONS)
  add_compile_definitions(NDEBUG)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

# Contraction off: a*b+c written in C++ has the bits of the kernels. The base ISA lets the library start on any CPU
# and refuse a CPU without AVX2 and FMA with a message; wide code comes from the kernels, never from these flags.
# Without semantic interposition a shared library may inline its own functions.
add_compile_options(-ffp-contract=off -march=x86-64-v2 -fno-math-errno -fno-semantic-interposition)

if(DUET_SANITIZE STREQUAL "address")
  set(duet_sanitize_flags -fsanitize=address,undefined -fno-sanitize=function -fno-sanitize-recover=undefined
                          -fno-omit-frame-pointer)
elseif(DUET_SANITIZE STREQUAL "thread")
  set(duet_sanitize_flags -fsanitize=thread -fno-omit-frame-pointer)
elseif(DUET_SANITIZE)
  message(FATAL_ERROR "DUET_SANITIZE is address, thread or empty; not '${DUET_SANITIZE}'.")
endif()
add_compile_options(${duet_sanitize_flags})
add_link_options(${duet_sanitize_flags})

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # What ccache asks of those who precompile headers: not to look for __TIME__ in them, nor for macros never used.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      "${CCACHE_PROGRAM}")
endif()

find_program(MOLD_PROGRAM mold)
find_program(LLD_PROGRAM NAMES ld.lld ld.lld-22)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
elseif(LLD_PROGRAM AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
endif()

set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/archive")
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
set(CMAKE_LINK_DEPENDS_NO_SHARED ON)  # a new libduet.so does not relink every program
