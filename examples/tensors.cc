// Tensors: how they are made, indexed, combined, drawn at random, kept in variables, saved and read again.
#include <duet/duet.h>

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

using namespace duet;

namespace {

void check(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "tensors: " << what << '\n';
  std::exit(1);
}

void creation() {
  Tensor a = tensor({{1.0, 2.0}, {3.0, 4.0}});                 // f32[2,2]; ints make i32, bools bool
  Tensor b = tensor(std::vector<double>{0.5, 1.5, 2.5});       // f64[3]: a vector keeps its type
  Tensor c = reshape(arange(12), {3, -1});                     // i32[3,4]
  Tensor d = concatenate({zeros({1, 4}), full({2, 4}, 0.5)});  // f32[3,4]
  std::cout << "a =\n" << a << "\na has shape " << to_string(a.shape()) << " and dtype " << name(a.dtype()) << "\n\n";
  check(b.dtype() == f64 && c.shape() == Shape{3, 4} && d.dim(0) == 3, "creation");
}

void indexing() {
  const Tensor x = reshape(arange(24), {2, 3, 4});
  Tensor row = x(1, 2);                             // [4]; x[1, 2] in NumPy
  Tensor last = x(ellipsis, -1);                    // [2,3]; x[..., -1]
  Tensor some = x(0, range(0, 3, 2), range(1, 3));  // [2,2]; x[0, 0:3:2, 1:3]
  Tensor wide = x(ellipsis, newaxis);               // [2,3,4,1]
  Tensor picked = take(x, tensor({2, 0}), 1);       // [2,2,4]; x[:, [2, 0]]
  Tensor changed = x.at(range(), 0).set(-1);        // a new tensor; x stays as it is
  check(row.dim(0) == 4 && last.shape() == Shape{2, 3} && some.shape() == Shape{2, 2} && wide.rank() == 4, "indexing");
  check(picked.shape() == Shape{2, 2, 4} && changed(1, 0, 0).item<int>() == -1 && x(1, 0, 0).item<int>() == 12, "at");
}

void promotion() {
  const Tensor ints = tensor({1, 2, 3}), floats = tensor({0.5, 1.5, 2.5});
  check((ints + floats).dtype() == f32, "i32 and f32 make f32");
  check((ints / 2).dtype() == f32, "true division makes floats of ints");
  check((floats * 2).dtype() == f32 && (ints + 1).dtype() == i32, "a C++ number takes the tensor's dtype");
  check(sum(ints).dtype() == i64, "sums of ints are i64");
}

void randomness() {
  const random::Key key(42);  // the same numbers everywhere, whatever ran before
  const auto [for_weights, for_noise] = random::split<2>(key);
  Tensor w = random::normal(for_weights, {3, 2}) * 0.1;
  Tensor noise = random::uniform(random::fold_in(for_noise, 7), {2}, -1, 1);  // a key per step
  check(w.shape() == Shape{3, 2} && (noise < 1).dtype() == bool_, "random");
}

// A Key is a 0-d tensor with a name: functions take its value.
Tensor jitter(const Tensor& x, const Tensor& key) { return x + random::normal(random::Key(key), x.shape()) * 0.01; }

void keys_in_functions() {
  const function traced{jitter, {.name = "jitter"}};
  const Tensor x = ones({4});
  check(same_bits(traced(x, random::Key(1).value()), jitter(x, random::Key(1).value())), "keys in functions");
}

void training() {
  Variable w(zeros({2}), "w");
  Adam adam({.learning_rate = 0.1});
  const Tensor target = tensor({1.0, -1.0});
  const function step{[&] {
                        GradientTape tape;  // sees every Variable that is read; a plain Tensor only after tape.watch(x)
                        const Tensor loss = mean_squared_error(w, target);
                        adam.apply_gradients(tape.gradient(loss, std::vector<Variable>{w}), {w});
                        return loss;
                      },
                      {.name = "step"}};
  for (int i = 0; i < 200; ++i) step();
  check(all(abs(w - target) < 0.01).item<bool>(), "training");
}

// One file format is as good as another: the elements lie side by side.
std::string saved(const Tensor& x) {
  const auto elements = contiguous(x).span<float>();
  return {reinterpret_cast<const char*>(elements.data()), elements.size_bytes()};
}

Tensor loaded(const std::string& bytes, const Shape& shape) {
  std::vector<float> elements(bytes.size() / sizeof(float));
  bytes.copy(reinterpret_cast<char*>(elements.data()), bytes.size());
  return tensor(elements, shape);
}

void files() {
  const Tensor x = random::normal(random::Key(3), {2, 3});
  check(same_bits(loaded(saved(x), x.shape()), x), "files");
}

}  // namespace

int main() {
  creation();
  indexing();
  promotion();
  randomness();
  keys_in_functions();
  training();
  files();
  std::cout << "all of it holds\n";
}
