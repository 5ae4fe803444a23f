// Looking at a program: plainly, step by step, and where its numbers go wrong. docs/debugging.md explains it.
#include <duet/duet.h>

#include <iostream>

using duet::function, duet::Tensor;

Tensor attention(const Tensor& scores) {
  Tensor weights = duet::exp(scores);
  return weights / duet::sum(weights);
}

Tensor peeking(const Tensor& x) {
  Tensor y = x * 2;
  std::cout << "y is " + to_string(y) + "\n";  // plain C++: a traced y has no value to print
  return y + 1;
}

int main() {
  const function peek{peeking, {.name = "peek"}};
  const Tensor x = duet::tensor({1.0, 2.0});
  {
    const duet::Eager plainly;  // on this thread; run_functions_eagerly(true) is for all
    peek(x);                    // a breakpoint in it stops, and what it prints is there
  }
  try {
    peek(x);
    return 1;
  } catch (const duet::TraceError& error) {
    std::cout << error.what() << "\n\n";
  }

  const function attend{attention, {.name = "attend"}};
  const duet::Verification bits = verify(attend, x);
  std::cout << bits.text << "\n\n";
  const duet::NanReport nan = find_nan(attend, x * 100);
  std::cout << nan.text << "\n\n";
  try {
    attend(x * 100);
  } catch (const duet::NanError& error) {  // under DUET_CHECK_NAN=1 only
    std::cout << error.what() << '\n';
  }
  return bits.same && nan.found && nan.op == "exp" ? 0 : 1;
}
