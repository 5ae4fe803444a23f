// Branches and loops: the examples of docs/control_flow.md. Each runs plainly, line by line, and as one native program;
// main compares the two.
#include <duet/duet.h>

#include <iostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using duet::Tensor;

// Clips only where the norm is too large.
Tensor clip(const Tensor& gradient, const Tensor& limit) {
  Tensor norm = duet::sqrt(duet::sum(gradient * gradient));
  return duet::cond(norm > limit, [&] { return gradient * (limit / norm); }, [&] { return gradient; });
}

Tensor activate(const Tensor& kind, const Tensor& x) {
  return duet::switch_case(
      kind, [&] { return duet::relu(x); }, [&] { return duet::tanh(x); }, [&] { return duet::gelu(x); });
}

// The steps that n takes to 1, and the largest number on the way.
std::pair<Tensor, Tensor> collatz(const Tensor& n) {
  auto [count, last, maximum] = duet::while_loop(
      [](const Tensor&, const Tensor& n, const Tensor&) { return n > 1; },
      [](const Tensor& steps, const Tensor& n, const Tensor& largest) {
        Tensor next = duet::cond(n % 2 == 0, [&] { return duet::floor_divide(n, 2); }, [&] { return 3 * n + 1; });
        return std::tuple{steps + 1, next, duet::maximum(largest, next)};
      },
      std::tuple{0, n, n});
  return {count, maximum};
}

// The place of the first number above a limit, or how many numbers there are.
Tensor first_above(const Tensor& xs, const Tensor& limit) {
  auto [place, found] = duet::while_loop([&](const Tensor& i, const Tensor& found) { return ~found & (i < xs.dim(0)); },
                                         [&](const Tensor& i, const Tensor&) {
                                           Tensor here = duet::take(xs, i) > limit;
                                           return std::pair{duet::where(here, i, i + 1), here};
                                         },
                                         std::pair{0, false});
  return place;
}

// The largest eigenvalue of a symmetric matrix, by power iteration.
Tensor largest_eigenvalue(const Tensor& matrix, const Tensor& iterations) {
  Tensor start = duet::ones({matrix.dim(0)});
  Tensor vector = duet::fori_loop(
      0, iterations,
      [&](const Tensor&, const Tensor& v) {
        Tensor w = duet::matmul(matrix, v);
        return w / duet::sqrt(duet::sum(w * w));
      },
      start);
  return duet::sum(vector * duet::matmul(matrix, vector)) / duet::sum(vector * vector);
}

// A recurrent network over the rows of xs: its last state, and every state on the way.
std::pair<Tensor, Tensor> recurrent(const Tensor& xs, const Tensor& w, const Tensor& u) {
  return duet::scan(
      [&](const Tensor& hidden, const Tensor& x) {
        Tensor next = duet::tanh(duet::matmul(x, w) + duet::matmul(hidden, u));
        return std::pair{next, next};
      },
      duet::zeros({u.dim(0)}), xs);
}

// Its slope by w, keeping every 16th state only.
Tensor slope(const Tensor& w, const Tensor& xs) {
  return duet::grad([&](const Tensor& w) {
    auto [last, outputs] = duet::scan(
        [&](const Tensor& hidden, const Tensor& x) { return std::pair{duet::tanh(hidden * w + x), std::tuple<>()}; },
        duet::zeros_like(w), xs, {.checkpoint_every = 16});
    return duet::sum(last);
  })(w);
}

// The median of each row.
Tensor medians(const Tensor& rows) {
  const std::int64_t middle = rows.dim(1) / 2;
  return duet::map([&](const Tensor& row) { return duet::sort(row)(middle); }, rows);
}

// The value of a polynomial by Horner's rule, its highest coefficient last.
Tensor polynomial(const Tensor& coefficients, const Tensor& x) {
  return duet::fold([&](const Tensor& value, const Tensor& c) { return value * x + c; }, duet::zeros_like(x),
                    coefficients, {.reverse = true});
}

// The steps of Newton's method to the square root of a, however many it takes up to 50.
duet::TensorList newton(const Tensor& a) {
  duet::TensorList start(duet::Spec{duet::f32}, 50);
  start.push_back(a);
  return duet::while_loop(
      [&](const duet::TensorList& way) {
        Tensor last = way.get(-1);
        return (way.size() < 50) & (duet::abs(last * last - a) > 1e-5 * a);
      },
      [&](duet::TensorList way) {
        Tensor last = way.get(-1);
        way.push_back(0.5 * (last + a / last));
        return way;
      },
      start);
}

// Ten steps of gradient descent on a Variable, in one native program.
struct Descent {
  duet::Variable w{duet::zeros({3}), "w"};

  Tensor operator()(const Tensor& x, const Tensor& y) const {
    duet::Variable weights = w;
    return duet::fori_loop(
        0, 10,
        [&](const Tensor&, const Tensor&) {
          Tensor error = duet::matmul(x, weights) - y;
          weights.assign_subtract(0.1 * duet::matmul(error, x));
          return duet::sum(error * error);
        },
        0.0);
  }
};

// A walk of n random steps. The key of a step is made from its number.
Tensor walk(const Tensor& n, const Tensor& start) {
  const duet::random::Key key(7);
  return duet::fori_loop(
      0, n,
      [&](const Tensor& i, const Tensor& at) {
        return at + duet::random::normal(duet::random::fold_in(key, i), start.shape());
      },
      start);
}

// A state that would grow is refused.
Tensor doubled(const Tensor& x) {
  return duet::while_loop([](const Tensor& x) { return duet::sum(x) < 10; },
                          [](const Tensor& x) { return duet::concatenate({x, x}); }, x);
}

// The sum of the squares. What a body writes to a tensor from outside stays in it.
Tensor lost(const Tensor& xs) {
  Tensor total = duet::zeros({});
  duet::map([&](const Tensor& x) { return total = total + x * x; }, xs);
  return total;
}

namespace {

bool all_same = true;

void same(const std::string& name, const std::vector<Tensor>& plain, const std::vector<Tensor>& native) {
  bool is_same = plain.size() == native.size();
  for (std::size_t i = 0; is_same && i < plain.size(); ++i) is_same = same_bits(plain[i], native[i]);
  std::cout << name << ": " << plain[0] << (is_same ? "" : "  DIFFERS when traced") << '\n';
  all_same = all_same && is_same;
}

std::vector<Tensor> list(const Tensor& x) { return {x}; }
std::vector<Tensor> list(const std::pair<Tensor, Tensor>& x) { return {x.first, x.second}; }
std::vector<Tensor> list(const duet::TensorList& x) { return {x.size(), x.stack()}; }

// What f gives plainly, and natively.
template <class F, class... X>
void compare(const std::string& name, F f, const X&... x) {
  duet::function traced{f, {.name = name}};
  traced.compile(x...);
  same(name, list(f(x...)), list(traced(x...)));
}

std::string error_of(const duet::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  try {
    f(x);
  } catch (const duet::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

int main() {
  const Tensor x = duet::tensor({-1.0, 0.5, 2.0});
  compare("clip", clip, x, duet::tensor(1.0));
  compare("clip", clip, x, duet::tensor(9.0));
  for (const int kind : {0, 1, 2}) compare("activate", activate, duet::tensor(kind), x);
  compare("collatz", collatz, duet::tensor(27));
  for (const double limit : {0.0, 9.0}) compare("first above", first_above, x, duet::tensor(limit));
  const Tensor matrix = duet::tensor({{2.0, 1.0, 0.0}, {1.0, 3.0, 1.0}, {0.0, 1.0, 4.0}});
  compare("eigenvalue", largest_eigenvalue, matrix, duet::tensor(50));
  compare("recurrent", recurrent, matrix, matrix * 0.1, matrix * 0.2);
  compare("slope", slope, x, duet::random::normal(duet::random::Key(3), {100, 3}));
  compare("medians", medians, matrix);
  compare("polynomial", polynomial, duet::tensor({1.0, 0.0, 3.0}), x);
  compare("newton", newton, duet::tensor(2.0));
  compare("walk", walk, duet::tensor(100), duet::zeros({2}));
  const Descent plain, traced;
  const duet::function descend{traced, {.name = "descent"}};
  same("descent", {plain(matrix, x)}, {descend(matrix, x)});
  same("weights", {plain.w.value()}, {traced.w.value()});
  std::cout << error_of(duet::function{doubled}, x) << '\n' << error_of(duet::function{lost}, x) << '\n';
  return all_same ? 0 : 1;
}
