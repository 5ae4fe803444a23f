// The program of README.md.
#include <duet/duet.h>
using duet::Tensor;

Tensor gelu(const Tensor& x) { return 0.5 * x * (1.0 + duet::tanh(0.79788456 * (x + 0.044715 * x * x * x))); }

int main() {
  Tensor x = duet::tensor({-1.0, 0.0, 2.0});
  Tensor y = gelu(x);                           // eager: a kernel per op, each value there to look at
  duet::function fast{gelu, {.name = "gelu"}};  // traced on the first call for a signature
  return duet::same_bits(fast(x), y) ? 0 : 1;
}
