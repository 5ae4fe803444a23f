// Transforms of functions: every block of docs/transforms.md, as one program that checks what the page says.
#include <duet/duet.h>

#include <iostream>

using namespace duet;

struct Layer {
  Tensor weight, bias;
};
DUET_STRUCT(Layer, weight, bias)

bool g_all_hold = true;

void expect(bool holds, const char* what) {
  std::cout << (holds ? "ok    " : "WRONG ") << what << '\n';
  g_all_hold = g_all_hold && holds;
}

bool close(const Tensor& a, const Tensor& b) { return max(abs(a - b)).item<double>() < 1e-5; }

void gradients() {
  auto loss = [](const Tensor& w, const Tensor& x) { return mean(square(matmul(x, w) - 1)); };
  Tensor w = tensor({0.5, -1.0}), x = tensor({{1.0, 2.0}, {3.0, 4.0}});
  Tensor dw = grad(loss)(w, x);              // by the first argument, of its dtype and shape
  Tensor dx = grad(loss, argnums<1>)(w, x);  // by another
  auto [both_w, both_x] = grad(loss, argnums<0, 1>)(w, x);
  auto [value, slope] = value_and_grad(loss)(w, x);
  expect(same_bits(dw, both_w) && same_bits(dx, both_x), "grad by numbered arguments");
  expect(same_bits(value, loss(w, x)) && same_bits(slope, dw), "value_and_grad");

  using Layers = std::vector<std::pair<Tensor, Tensor>>;
  auto network = [](const Layers& layers, const Tensor& x) {
    Tensor h = x;
    for (auto& [weight, bias] : layers) h = tanh(matmul(h, weight) + bias);
    return sum(h);
  };
  Layers layers{{ones({2, 3}), zeros({3})}, {ones({3, 1}), zeros({1})}};
  Layers slopes = grad(network)(layers, x);  // a tree of tensors in, the same tree of gradients out
  expect(slopes[0].first.shape() == Shape{2, 3} && slopes[1].second.shape() == Shape{1}, "grad of a tree");

  auto with_logits = [](const Tensor& w, const Tensor& x) {
    Tensor logits = matmul(x, w);
    return std::pair{mean(square(logits)), logits};
  };
  auto [dw2, logits] = grad(with_logits, has_aux)(w, x);
  expect(same_bits(logits, matmul(x, w)) && dw2.shape() == w.shape(), "has_aux");

  GradientTape tape({.persistent = true, .unconnected = Unconnected::none});
  tape.watch(w);
  Tensor y = sum(square(w)), z = sum(exp(w));
  Tensor dy = tape.gradient(y, w), dz = tape.gradient(z, w);
  expect(same_bits(dy, w * 2) && same_bits(dz, exp(w)), "a persistent tape");
  expect(tape.gradient(y, x).empty_handle(), "unconnected: none");
}

void tapes() {
  Tensor x = tensor(3.0);
  GradientTape outer;
  outer.watch(x);
  Tensor first;
  {
    GradientTape inner;
    inner.watch(x);
    first = inner.gradient(x * x * x, x);
  }
  Tensor second = outer.gradient(first, x);  // 18: the outer tape saw the inner one go back
  expect(same_bits(first, tensor(27.0)) && same_bits(second, tensor(18.0)), "a tape in a tape");

  GradientTape tape({.persistent = true});
  tape.watch(x);
  Tensor scale;
  {
    auto pause = tape.stop_recording();
    scale = x * x;  // a constant to this tape
  }
  Tensor slope = tape.gradient(x * scale, x);                // 9
  Tensor same = tape.gradient(x * stop_gradient(x * x), x);  // 9
  Tensor none = tape.gradient(scale, x);                     // 0: not connected
  expect(same_bits(slope, tensor(9.0)) && same_bits(same, slope) && same_bits(none, tensor(0.0)), "constants");
}

void derivatives() {
  auto f = [](const Tensor& x) { return sin(x) * x(0); };
  Tensor x = tensor({0.5, 1.0, 1.5}), t = tensor({1.0, 0.0, -1.0});
  auto [y, dy] = jvp(f, x, t);      // forwards: f(x) and the derivative along t
  auto [y2, pullback] = vjp(f, x);  // backwards: f(x) and adjoints of y to adjoints of x
  Tensor dx = pullback(ones({3}));
  Tensor j = jacobian(f)(x);  // shape y.shape + x.shape
  Tensor j2 = jacobian(f, JacobianMode::forward)(x);
  expect(same_bits(y, y2) && close(dy, matmul(j, t)) && close(dx, sum(j, 0)), "jvp and vjp are products with jacobian");
  expect(close(j, j2), "jacobian, reverse and forward");

  auto energy = [](const Tensor& x) { return sum(sin(x) * x * x); };
  Tensor h = hessian(energy)(x);  // jacobian(grad(energy))
  Tensor hv = hvp(energy, x, t);  // its product with t, without making it
  expect(close(hv, matmul(h, t)), "hessian and hvp");
}

void whole_trees() {
  Layer layer{tensor({{0.5, -0.25}, {1.0, 0.75}}), tensor({0.1, -0.2})};
  Tensor x = tensor({0.3, 0.9});
  auto predict = [](const Layer& l, const Tensor& x) { return tanh(matmul(l.weight, x) + l.bias); };
  Layer j = jacobian(predict)(layer, x);  // by a struct, such a struct: [2,2,2] and [2,2]
  auto [by_layer, by_x] = jacobian(predict, argnums<0, 1>)(layer, x);
  expect(same_bits(j.weight, by_layer.weight) && by_x.shape() == Shape{2, 2}, "jacobian by a struct and a tensor");

  auto loss = [&](const Layer& l, const Tensor& x) { return sum(square(predict(l, x))); };
  auto [by_weight, by_bias] = hessian(loss)(layer, x);  // of each field by the whole struct
  auto [hv, hv_x] = hvp(loss, layer, x, layer, x);      // along a tangent for each argument
  expect(by_weight.bias.shape() == Shape{2, 2, 2} &&
             close(matmul(by_bias.bias, layer.bias) +
                       reshape(matmul(reshape(by_bias.weight, {2, 4}), reshape(layer.weight, {4})), {2}) +
                       matmul(transpose(jacobian(grad(loss, argnums<1>))(layer, x).bias), x),
                   hv.bias),
         "hessian and hvp of trees");
  expect(hv_x.shape() == x.shape(), "hvp by the second argument");
}

void loops() {
  // Multiplied until it is large: how often depends on x.
  auto grown = [](const Tensor& x) {
    return while_loop([](const Tensor& y) { return y < 10; }, [&](const Tensor& y) { return y * x; }, x);
  };
  Tensor x = tensor(1.5, f64);
  Tensor slope = grad(grown)(x);              // 6 x^5: the loop turns 5 times
  Tensor curvature = grad(grad(grown))(x);    // 30 x^4
  Tensor bend = function{hessian(grown)}(x);  // traced, natively
  expect(close(slope, 6 * power(x, 5)) && close(curvature, 30 * power(x, 4)) && close(bend, curvature),
         "derivatives of derivatives of loops");
}

void batches() {
  auto distance = [](const Tensor& a, const Tensor& b) { return sqrt(sum(square(a - b))); };
  Tensor points = random::normal(random::Key{1}, {10, 3}), origin = zeros({3});
  Tensor d = vmap(distance, {.in_axes = {0, not_batched}})(points, origin);  // [10]
  expect(same_bits(d(4), distance(points(4), origin)), "a row of vmap is the function of the row");

  auto to_all = [&](const Tensor& a) { return vmap(distance, {.in_axes = {not_batched, 0}})(a, points); };
  Tensor table = vmap(to_all)(points);  // [10,10]: vmap inside vmap
  expect(same_bits(table(2, 7), distance(points(2), points(7))), "vmap of vmap");

  auto spread = [](const Tensor& x) { return x - mean(x); };
  Tensor columns = vmap(spread, {.in_axes = 1, .out_axes = 1})(points);  // [10,3]: of each column, back as a column
  expect(same_bits(columns(range(), 2), spread(points(range(), 2))), "columns");

  auto loss = [](const Tensor& w, const Tensor& x) { return square(sum(w * x) - 1); };
  Tensor w = tensor({0.1, 0.2, 0.3});
  Tensor per_example = vmap(grad(loss), {.in_axes = {not_batched, 0}})(w, points);  // [10,3]
  expect(same_bits(per_example(3), grad(loss)(w, points(3))), "gradients per example");
  expect(same_bits(function{vmap(grad(loss), {.in_axes = {not_batched, 0}})}(w, points), per_example),
         "traced: the same bits");
}

void memory() {
  auto block = [](const Tensor& x) {
    Tensor h = x;
    for (int i = 0; i < 10; ++i) h = tanh(h * 1.1);
    return h;
  };
  Tensor x = tensor({0.5, 1.0});
  Tensor plain = grad([&](const Tensor& x) { return sum(block(x)); })(x);
  Tensor saving = grad([&](const Tensor& x) { return sum(checkpoint(block)(x)); })(x);
  expect(same_bits(plain, saving), "checkpoint: the same bits, ten values fewer kept");
}

void own_derivatives() {
  auto log1pexp = custom_gradient([](const Tensor& x) { return log(1 + exp(x)); },
                                  [](const Tensor& x, const Tensor& dy) { return dy * sigmoid(x); });
  Tensor x = tensor({100.0, 0.0});
  Tensor dx = grad([&](const Tensor& x) { return sum(log1pexp(x)); })(x);  // [1, 0.5]; without: [nan, 0.5]
  expect(same_bits(dx, tensor({1.0, 0.5})), "custom_gradient");

  auto both_ways = custom_gradient([](const Tensor& x) { return sqrt(x); },
                                   [](const Tensor& x, const Tensor& dy) { return dy * 0.5 / sqrt(x); },
                                   [](const Tensor& x, const Tensor& t) { return t * 0.5 / sqrt(x); });
  auto [root, along] = jvp(both_ways, tensor(4.0), tensor(1.0));  // 2 and 0.25
  expect(same_bits(root, tensor(2.0)) && same_bits(along, tensor(0.25)), "custom_gradient, forwards");

  GradientCheck check = check_gradients(log1pexp, tensor({0.5, -2.0}, f64));
  if (!check) std::cout << check.explanation << '\n';
  expect(check.ok, "check_gradients");
}

int main() {
  gradients();
  tapes();
  derivatives();
  whole_trees();
  loops();
  batches();
  memory();
  own_derivatives();
  return g_all_hold ? 0 : 1;
}
