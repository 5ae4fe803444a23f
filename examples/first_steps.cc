// First steps with Duet: array code that runs line by line, or as one native program, with the same bits.
#include <duet/duet.h>

#include <iostream>

using duet::Tensor;

// Ordinary C++. Nothing here says how it will run.
Tensor wave(const Tensor& x, const Tensor& damping) {
  Tensor swing = duet::sin(3.0 * x);
  Tensor decay = duet::exp(-damping * x);
  return swing * decay;
}

int main() {
  // Eager: every line runs now, and its value is there to be looked at.
  Tensor x = duet::reshape(duet::arange(12), {3, 4}) / 4;
  Tensor y = wave(x, duet::tensor(0.5));
  std::cout << "x =\n" << x << "\n\nwave(x) =\n" << y << "\n\n";
  std::cout << "its largest value is " << y.max() << ", in column " << duet::argmax(y.max(0)) << "\n\n";

  // Traced: the same function, recorded on its first call, optimised, and compiled into one loop in the background.
  duet::function fast{wave, {.name = "wave"}};
  Tensor z = fast(x, 0.5);
  fast.compile(x, 0.5);  // wait for the native code; without this, some more calls run op by op
  Tensor native = fast(x, 0.5);
  std::cout << "traced, same bits: " << std::boolalpha << (same_bits(y, z) && same_bits(y, native)) << "\n\n";

  // What was recorded: each line of this text names the line above that it came from.
  std::cout << fast.concrete(x, 0.5).text("traced") << '\n';

  // A gradient is a function like any other: call it, or trace it.
  auto energy = [](const Tensor& damping, const Tensor& at) { return duet::sum(duet::square(wave(at, damping))); };
  Tensor slope = duet::grad(energy)(duet::tensor(0.5), x);
  Tensor traced_slope = duet::function{duet::grad(energy)}(0.5, x);
  std::cout << "d energy / d damping = " << slope << ", traced " << traced_slope << '\n';

  return same_bits(y, native) && same_bits(slope, traced_slope) ? 0 : 1;
}
