// The matrix product against plain loops, bit for bit: the generated kernels of every ISA under the one driver, with
// operands that end, or begin, at a page that cannot be touched.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <thread>
#include <type_traits>
#include <vector>

#include "eager/matmul.h"
#include "runtime/cpu.h"

namespace duet {
namespace {

using std::int64_t;

// `count` elements with an untouchable page right behind them, or right before them.
template <class T>
class GuardedArray {
 public:
  GuardedArray(int64_t count, bool guard_behind) : count_(count) {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    const std::size_t body = (bytes + page - 1) / page * page;
    size_ = body + 2 * page;
    map_ = static_cast<char*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(map_, page, PROT_NONE);
    mprotect(map_ + page + body, page, PROT_NONE);
    data_ = reinterpret_cast<T*>(guard_behind ? map_ + page + body - bytes : map_ + page);
  }
  GuardedArray(GuardedArray&& from) : count_(from.count_), size_(from.size_), map_(from.map_), data_(from.data_) {
    from.map_ = nullptr;
  }
  ~GuardedArray() {
    if (map_) munmap(map_, size_);
  }
  T* data() { return data_; }
  T& operator[](int64_t i) { return data_[i]; }
  int64_t size() const { return count_; }

 private:
  int64_t count_;
  std::size_t size_;
  char* map_;
  T* data_;
};

// An operand: elements somewhere in an array, with strides of any kind.
template <class T>
struct Operand {
  GuardedArray<T> array;
  int64_t row, column;
  T at(int64_t i, int64_t j) { return array[i * row + j * column]; }
  MatrixRef ref() { return {array.data(), row, column}; }
};

enum class Layout { kRows, kTransposed, kStrided, kCount };

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int64_t Below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<std::uint64_t>(n)); }
  int64_t Size(int64_t most) { return 1 + (Below(8) == 0 ? Below(std::min<int64_t>(4, most)) : Below(most)); }
  Layout AnyLayout() { return static_cast<Layout>(Below(static_cast<int>(Layout::kCount))); }

  template <class T>
  void Fill(GuardedArray<T>* array) {
    const bool special = std::is_floating_point_v<T> && Below(10) == 0;
    for (int64_t i = 0; i < array->size(); ++i) {
      if constexpr (std::is_floating_point_v<T>) {
        T value = static_cast<T>(static_cast<double>(engine_()) / 0x1p63 - 1);
        if (Below(50) == 0) value *= T(1e6);
        if (special && Below(40) == 0) value = T(-0.0);
        if (special && Below(400) == 0) value = std::numeric_limits<T>::infinity();
        (*array)[i] = value;
      } else {
        (*array)[i] = static_cast<T>(engine_());
      }
    }
  }

  template <class T>
  Operand<T> Make(int64_t rows, int64_t columns, Layout layout) {
    const int64_t pad = Below(3) == 0 ? Below(20) : 0;
    int64_t row = columns + pad, column = 1;
    if (layout == Layout::kTransposed) row = 1, column = rows + pad;
    if (layout == Layout::kStrided) row = 3 * columns + pad, column = 3;
    Operand<T> operand = {{(rows - 1) * row + (columns - 1) * column + 1, Below(2) == 0}, row, column};
    Fill(&operand.array);
    return operand;
  }

 private:
  std::mt19937_64 engine_;
};

template <class T>
T MulAdd(T a, T b, T sum) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::fma(a, b, sum);
  } else {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(a) * static_cast<U>(b) + static_cast<U>(sum));
  }
}

// Row i of A times the only column of B, by the definition: lanes, a tree by halves, blocks pairwise.
template <class T>
T DotModel(Operand<T>& a, Operand<T>& b, int64_t i, int64_t k) {
  std::vector<T> blocks;
  for (int64_t begin = 0; begin < k; begin += 4096) {
    T lane[64];
    std::fill(lane, lane + 64, T(-0.0));
    for (int64_t p = begin; p < std::min(k, begin + 4096); ++p) {
      lane[p % 64] = MulAdd(a.at(i, p), b.at(p, 0), lane[p % 64]);
    }
    for (int half = 32; half > 0; half /= 2) {
      for (int l = 0; l < half; ++l) lane[l] = MulAdd(T(1), lane[l], lane[l + half]);
    }
    blocks.push_back(lane[0]);
  }
  while (blocks.size() > 1) {
    std::vector<T> sums;
    for (std::size_t j = 0; j + 1 < blocks.size(); j += 2) sums.push_back(MulAdd(T(1), blocks[j], blocks[j + 1]));
    if (blocks.size() % 2) sums.push_back(blocks.back());
    blocks = sums;
  }
  return blocks.empty() ? T(0) : blocks[0];
}

template <class T>
T Model(Operand<T>& a, Operand<T>& b, int64_t i, int64_t j, int64_t n, int64_t k) {
  if (n == 1) return DotModel(a, b, i, k);
  T sum = 0;
  for (int64_t p = 0; p < k; ++p) sum = MulAdd(a.at(i, p), b.at(p, j), sum);
  return sum;
}

// Equal bits; the sign and payload of a NaN are nobody's promise.
template <class T>
bool Same(T x, T y) {
  return std::memcmp(&x, &y, sizeof x) == 0 || (x != x && y != y);
}

void RunOnThreads(int64_t n, void (*body)(void*, int64_t), void* context) {
  std::vector<std::thread> threads;
  for (int64_t i = 1; i < n; ++i) threads.emplace_back(body, context, i);
  body(context, 0);
  for (std::thread& thread : threads) thread.join();
}

class MatmulTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (GetParam() > CpuIsa()) GTEST_SKIP() << "NOT RUN: this CPU cannot execute " << name(GetParam());
    kernels_ = IndexMatmulKernels(duet_matmul_kernels, GetParam());
    if (!kernels_.type[0].dot) GTEST_SKIP() << "NOT RUN: no kernels are linked in";
  }

  template <class T>
  void Check(Random& random, int64_t m, int64_t n, int64_t k, Layout a_layout, Layout b_layout) {
    Operand<T> a = random.Make<T>(m, std::max<int64_t>(k, 1), a_layout);
    Operand<T> b = random.Make<T>(std::max<int64_t>(k, 1), n, b_layout);
    std::vector<T> expected;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) expected.push_back(Model(a, b, i, j, n, k));
    }
    for (int threads : {1, 2, 5}) {
      GuardedArray<T> c(m * n, random.Below(2) == 0);
      std::memset(static_cast<void*>(c.data()), 0x7f, static_cast<std::size_t>(m * n) * sizeof(T));
      Matmul(kernels_, {threads, RunOnThreads}, dtype_of<T>, m, n, k, a.ref(), b.ref(), c.data());
      for (int64_t i = 0; i < m * n; ++i) {
        ASSERT_TRUE(Same(c[i], expected[static_cast<std::size_t>(i)]))
            << name(dtype_of<T>) << " " << m << "x" << k << "x" << n << " at (" << i / n << ", " << i % n
            << "), layouts " << static_cast<int>(a_layout) << " and " << static_cast<int>(b_layout) << ", threads "
            << threads << ": " << c[i] << " is not " << expected[static_cast<std::size_t>(i)];
      }
    }
  }

  template <class T>
  void CheckRandom() {
    Random random(7);
    for (int t = 0; t < 150 && !HasFatalFailure(); ++t) {
      const int64_t k = random.Below(40) == 0 ? 0 : random.Size(130);
      Check<T>(random, random.Size(130), random.Size(130), k, random.AnyLayout(), random.AnyLayout());
    }
  }

  // One shape per way of the driver: blocks of k, packed panels, copies of A, wide tiles.
  template <class T>
  void CheckWays() {
    Random random(8);
    constexpr Layout kRows = Layout::kRows, kTransposed = Layout::kTransposed, kStrided = Layout::kStrided;
    const int64_t deep = 2 * 4096 / static_cast<int64_t>(sizeof(T)) + 300;
    Check<T>(random, 50, 170, deep, kRows, kRows);
    Check<T>(random, 9, 70, deep, kRows, kTransposed);
    Check<T>(random, 250, 140, deep / 2, kTransposed, kRows);
    Check<T>(random, 250, 140, deep / 2, kTransposed, kTransposed);
    Check<T>(random, 130, 150, deep / 2, kStrided, kRows);
    Check<T>(random, 20, 90, deep, kStrided, kStrided);
    for (int64_t m : {1, 2, 3}) Check<T>(random, m, 330, deep, kRows, kRows);
    Check<T>(random, 1, 330, 300, kTransposed, kTransposed);
  }

  template <class T>
  void CheckVectors() {
    Random random(9);
    for (int64_t k : {1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 200, 4095, 4096, 4097, 9000, 5 * 4096, 7 * 4096 + 70}) {
      for (int64_t m : {1, 3, 4, 7, 37}) {
        if (HasFatalFailure()) return;
        Check<T>(random, m, 1, k, random.AnyLayout(), random.AnyLayout());
      }
    }
    Check<T>(random, 3, 1, 0, Layout::kRows, Layout::kRows);
  }

  // Products that are all -0.0: a dot product is -0.0, an element of a matrix, whose chain starts at +0, is +0.
  template <class T>
  void CheckSignOfZero() {
    const std::vector<T> ones(300, T(1)), zeros(300, T(-0.0));
    for (int64_t k : {1, 40, 64, 100}) {
      for (MatrixRef a : {MatrixRef{ones.data(), k, 1}, MatrixRef{ones.data(), 1, 3}}) {
        T c[6];
        const MatmulParallel serial = {1, RunOnThreads};
        Matmul(kernels_, serial, dtype_of<T>, 3, 1, k, a, {zeros.data(), 1, 1}, c);
        for (int i = 0; i < 3; ++i) EXPECT_TRUE(Same(c[i], T(-0.0))) << k;
        Matmul(kernels_, serial, dtype_of<T>, 3, 2, k, a, {zeros.data(), 2, 1}, c);
        for (int i = 0; i < 6; ++i) EXPECT_TRUE(Same(c[i], T(0))) << k;
      }
    }
  }

  MatmulKernels kernels_;
};

TEST_P(MatmulTest, RandomF32) { CheckRandom<float>(); }
TEST_P(MatmulTest, RandomF64) { CheckRandom<double>(); }
TEST_P(MatmulTest, RandomI32) { CheckRandom<std::int32_t>(); }
TEST_P(MatmulTest, RandomI64) { CheckRandom<int64_t>(); }
TEST_P(MatmulTest, WaysF32) { CheckWays<float>(); }
TEST_P(MatmulTest, WaysF64) { CheckWays<double>(); }
TEST_P(MatmulTest, WaysI64) { CheckWays<int64_t>(); }
TEST_P(MatmulTest, VectorsF32) { CheckVectors<float>(); }
TEST_P(MatmulTest, VectorsF64) { CheckVectors<double>(); }
TEST_P(MatmulTest, VectorsI32) { CheckVectors<std::int32_t>(); }
TEST_P(MatmulTest, VectorsI64) { CheckVectors<int64_t>(); }
TEST_P(MatmulTest, SignOfZero) {
  CheckSignOfZero<float>();
  CheckSignOfZero<double>();
}

INSTANTIATE_TEST_SUITE_P(Isa, MatmulTest, testing::Values(Isa::kV3, Isa::kV4),
                         [](const testing::TestParamInfo<Isa>& isa) { return name(isa.param); });

}  // namespace
}  // namespace duet
