// Functions in these tests run on the eager kernels: a thread that compiles in the background would disturb the
// counters that memory_test.cc looks at. tests/sweep runs the same transforms natively.
#include <cstdlib>

namespace {

[[maybe_unused]] const int kCompileOff = setenv("DUET_COMPILE", "off", /*overwrite=*/0);

}  // namespace
