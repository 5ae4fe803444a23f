# Every find_package of the project. All come from the system; nothing is downloaded.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(absl REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# libLLVM 22. Its version file accepts an exact minor version only, and Debian keeps each version under its own prefix.
foreach(version IN ITEMS 22.1 22.2 22.3 22.0)
  if(NOT LLVM_FOUND)
    find_package(LLVM ${version} CONFIG QUIET HINTS /usr/lib/llvm-22 /usr/local)
  endif()
endforeach()
if(NOT LLVM_FOUND)
  message(FATAL_ERROR "LLVM 22 is missing (Debian: llvm-22-dev). Elsewhere, give its place: -DLLVM_DIR=<prefix>/lib/cmake/llvm")
endif()
message(STATUS "LLVM ${LLVM_PACKAGE_VERSION}: ${LLVM_DIR}")
if(NOT TARGET LLVM)
  message(FATAL_ERROR "Duet links the shared libLLVM; ${LLVM_DIR} offers only static libraries.")
endif()

find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)

# Tests.
find_package(GTest REQUIRED)
find_package(rapidcheck QUIET)
find_path(MPFR_INCLUDE_DIR mpfr.h REQUIRED)
find_library(MPFR_LIBRARY mpfr REQUIRED)
find_library(GMP_LIBRARY gmp REQUIRED)

# Baselines that stand beside Duet in duet-bench, and nowhere else.
find_package(Eigen3 QUIET NO_MODULE)
find_library(OPENBLAS_LIBRARY NAMES openblas)
find_path(OPENBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas openblas-pthread x86_64-linux-gnu
                                                     x86_64-linux-gnu/openblas-pthread)
