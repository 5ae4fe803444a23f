// Optimizers: update variables by gradients. Their state is made on first use, outside any trace.
#pragma once

#include <duet/variable.h>

#include <memory>
#include <vector>

namespace duet {

class Optimizer {
 public:
  virtual ~Optimizer();
  /// One step: gradients[i] belongs to variables[i]. Throws ValueError when the lists differ in length.
  void apply_gradients(const std::vector<Tensor>& gradients, const std::vector<Variable>& variables,
                       SourceLocation line = SourceLocation::current());

 protected:
  explicit Optimizer(int slots);
  /// New value of a variable; slots are its own state, zeros at first; step counts from 1, f32.
  virtual Tensor Update(const Tensor& value, const Tensor& gradient, std::vector<Variable>& slots,
                        const Tensor& step) = 0;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// p -= learning_rate * v with v = momentum * v + g.
class SGD : public Optimizer {
 public:
  struct Options {
    double learning_rate = 0.01;
    double momentum = 0;
  };
  SGD() : SGD(Options()) {}
  explicit SGD(Options options);

 private:
  Tensor Update(const Tensor& value, const Tensor& gradient, std::vector<Variable>& slots, const Tensor& step) override;
  Options options_;
};

/// Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1 in its efficient order:
/// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, rate = learning_rate sqrt(1 - beta2^t) / (1 - beta1^t),
/// p -= rate m / (sqrt(v) + epsilon).
class Adam : public Optimizer {
 public:
  struct Options {
    double learning_rate = 0.001;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-7;
  };
  Adam() : Adam(Options()) {}
  explicit Adam(Options options);

 private:
  Tensor Update(const Tensor& value, const Tensor& gradient, std::vector<Variable>& slots, const Tensor& step) override;
  Options options_;
};

}  // namespace duet
