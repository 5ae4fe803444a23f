// Memory as ops use it: counters follow tensors, views cost nothing, what was freed is used again, what cannot be had
// is an error that leaves no bytes behind.
#include <duet/duet.h>
#include <gtest/gtest.h>

namespace duet {
namespace {

TEST(OpMemory, CountersFollowTheTensors) {
  const std::int64_t before = memory_stats().current_bytes;
  {
    const Tensor x = ones({1000, 100});
    EXPECT_EQ(memory_stats().current_bytes, before + 400'000);
    const Tensor same = x, view = x.T()(range(10)), wide = broadcast_to(x(0), {50, 100});
    EXPECT_EQ(memory_stats().current_bytes, before + 400'000) << "views and handles share memory";
    reset_peak_memory();
    const Tensor y = x + x;
    EXPECT_EQ(memory_stats().current_bytes, before + 800'000);
    {
      const Tensor z = y * y + y;
    }
    EXPECT_EQ(memory_stats().current_bytes, before + 800'000);
    EXPECT_EQ(memory_stats().peak_bytes, before + 1'600'000) << "z and the product that it was made from";
  }
  EXPECT_EQ(memory_stats().current_bytes, before);
}

TEST(OpMemory, AViewKeepsItsBase) {
  const std::int64_t before = memory_stats().current_bytes;
  Tensor part;
  {
    const Tensor x = arange(100'000);
    part = x(range(5, 8));
  }
  EXPECT_EQ(memory_stats().current_bytes, before + 400'000);
  EXPECT_TRUE(same_bits(part, tensor({5, 6, 7})));
  part = Tensor();
  EXPECT_EQ(memory_stats().current_bytes, before);
}

TEST(OpMemory, ErrorsLeaveNothing) {
  const std::int64_t before = memory_stats().current_bytes;
  const Tensor x = ones({3, 4});
  const std::int64_t held = memory_stats().current_bytes;
  EXPECT_THROW(take(x, tensor({9})), IndexError);
  EXPECT_THROW(zeros({std::int64_t{1} << 45}), OutOfMemoryError);
  EXPECT_THROW(reshape(x + x, {5}), ShapeError);
  EXPECT_EQ(memory_stats().current_bytes, held);
  EXPECT_GT(held, before);
}

TEST(OpMemory, TapesReleaseWhatTheyRecorded) {
  const std::int64_t before = memory_stats().current_bytes;
  {
    const Tensor x = ones({50'000});
    GradientTape tape;
    tape.watch(x);
    Tensor y = x;
    for (int i = 0; i < 10; ++i) y = sin(y);
    EXPECT_GE(memory_stats().current_bytes, before + 11 * 200'000) << "operands and results of ten ops";
    Tensor g = tape.gradient(sum(y), x);
    y = Tensor();
    EXPECT_EQ(memory_stats().current_bytes, before + 2 * 200'000) << "x and its gradient: the tape is spent";
  }
  EXPECT_EQ(memory_stats().current_bytes, before);
}

}  // namespace
}  // namespace duet
