#include <duet/ops.h>
#include <duet/optimizers.h>

#include <map>
#include <mutex>

#include "eager/bind.h"
#include "runtime/fail.h"

namespace duet {

// Made when a variable is first seen, with nothing on the interpreter stack: concrete also while a step is traced, and
// still there when that trace fails.
struct Optimizer::State {
  int slot_count;
  std::mutex mutex;
  std::unique_ptr<Variable> step;
  std::map<std::uint64_t, std::vector<Variable>> slots;  // by variable id

  Variable& Step() {
    std::lock_guard lock(mutex);
    if (!step) {
      LevelScope nothing(nullptr);
      step = std::make_unique<Variable>(zeros({}), "step");
    }
    return *step;
  }
  std::vector<Variable>& Slots(const Variable& variable) {
    std::lock_guard lock(mutex);
    std::vector<Variable>& made = slots[variable.body()->id];
    LevelScope nothing(nullptr);
    while (static_cast<int>(made.size()) < slot_count)
      made.emplace_back(zeros(variable.shape(), variable.dtype()),
                        variable.name() + ".slot" + std::to_string(made.size()));
    return made;
  }
};

Optimizer::Optimizer(int slots) : state_(std::make_unique<State>()) { state_->slot_count = slots; }
Optimizer::~Optimizer() = default;

void Optimizer::apply_gradients(const std::vector<Tensor>& gradients, const std::vector<Variable>& variables,
                                SourceLocation line) {
  if (gradients.size() != variables.size())
    Fail<ValueError>(
        "apply_gradients",
        std::to_string(gradients.size()) + " gradients for " + std::to_string(variables.size()) + " variables", line);
  LineScope scope(line, "apply_gradients");
  Variable& step = state_->Step();
  step.assign_add(1);
  const Tensor count = step.value();
  for (std::size_t i = 0; i < variables.size(); ++i) {
    Variable variable = variables[i];
    variable.assign(Update(variable.value(), gradients[i], state_->Slots(variable), count));
  }
}

SGD::SGD(Options options) : Optimizer(options.momentum == 0 ? 0 : 1), options_(options) {}

Tensor SGD::Update(const Tensor& value, const Tensor& gradient, std::vector<Variable>& slots, const Tensor&) {
  if (slots.empty()) return value - options_.learning_rate * gradient;
  slots[0].assign(options_.momentum * slots[0].value() + gradient);
  return value - options_.learning_rate * slots[0].value();
}

Adam::Adam(Options options) : Optimizer(2), options_(options) {}

Tensor Adam::Update(const Tensor& value, const Tensor& gradient, std::vector<Variable>& slots, const Tensor& step) {
  const Options& o = options_;
  slots[0].assign(o.beta1 * slots[0].value() + (1 - o.beta1) * gradient);
  slots[1].assign(o.beta2 * slots[1].value() + (1 - o.beta2) * square(gradient));
  const Tensor t = cast(step, value.dtype());
  const Tensor rate = o.learning_rate * sqrt(1 - power(o.beta2, t)) / (1 - power(o.beta1, t));
  return value - rate * slots[0].value() / (sqrt(slots[1].value()) + o.epsilon);
}

}  // namespace duet
