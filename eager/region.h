// Region: a piece of program with inputs, what cond, while_loop and scan run. BindRegions: the funnel of these ops:
// the innermost interpreter sees the op and its regions whole. Graphs are regions; this is what eager/ knows of them.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "eager/bind.h"
#include "runtime/type.h"

namespace duet {

class Region;
using RegionRef = std::shared_ptr<const Region>;
using RegionBody = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

class Region {
 public:
  virtual ~Region();

  /// The results for these arguments, each op through Bind.
  virtual std::vector<Tensor> Run(std::span<const Tensor> arguments) const = 0;
  virtual std::vector<Type> inputs() const = 0;
  virtual std::vector<Type> outputs() const = 0;
  /// Whether an op of it, or of a region in it, is an effect.
  virtual bool has_effects() const = 0;
  /// The types of what its host calls return, in order: of those in calls and in all branches of a cond, and of those
  /// in a scan, stacked. Those in a while_loop, whose iterations nobody can count before, are not among them.
  virtual std::vector<Type> host_results() const = 0;
  /// A region that does what body does. Its inputs are of these types, then come the tensors in `captured`: where body
  /// uses one of those, or a variable that holds it, it uses that input. What else body uses (the derivative of a
  /// custom_gradient may) is added to `captured`. Body is given the inputs that there are when it begins. The region is
  /// called as this one is, with the suffix.
  virtual RegionRef Record(std::span<const Type> inputs, const RegionBody& body, Line line,
                           std::vector<Tensor>& captured, const char* suffix = "") const = 0;
  /// The same for a body that uses its arguments only.
  RegionRef Record(std::span<const Type> inputs, const RegionBody& body, Line line) const;
  /// This region, which gives back its first `count` arguments after its results.
  virtual RegionRef AlsoReturning(std::size_t count) const = 0;
};

/// Regions that were recorded before another of their op captured these: they take them too.
void AlsoTake(std::span<RegionRef> regions, std::span<const Tensor> captured, Line line);

/// An op that interpreters see whole: one with regions, or a host_call, which has none.
struct RegionCall {
  Op op;
  std::span<const Tensor> operands;
  const Attributes& attributes;
  std::span<const RegionRef> regions;
  Line line;

  /// scan: whether the operand is cut into slices along its leading axis.
  bool is_scanned(std::size_t operand) const;
};

/// How the operands of a loop are parted. A while_loop and a scan make one sweep over their iterations; a
/// while_gradient makes several, each with a state of its own and against the direction of the one before. Operands:
/// the states, that of the latest sweep first, then what stays the same or is scanned. The body of a sweep takes its
/// state, those that the earlier sweeps began the iteration with, and the rest: the operands from first(sweep) on.
class LoopSweeps {
 public:
  explicit LoopSweeps(const RegionCall& call);
  std::size_t count() const { return ends_.size(); }
  /// The state of a sweep: operands [first, last).
  std::size_t first(std::size_t sweep) const { return sweep + 1 == count() ? 0 : ends_[sweep + 1]; }
  std::size_t last(std::size_t sweep) const { return ends_[sweep]; }
  /// Operands that are state, of any sweep: as many results begin with what becomes of them.
  std::size_t states() const { return ends_[0]; }
  const Region& body(std::size_t sweep) const { return *bodies_[sweep]; }
  /// Of the first sweep, which takes what its body takes; null: a scan.
  const Region* condition() const { return condition_; }
  /// What the body of the last sweep takes: all operands, of what is scanned a slice.
  std::vector<Type> types() const { return bodies_.back()->inputs(); }

 private:
  const Region* condition_ = nullptr;
  std::vector<const Region*> bodies_;
  std::vector<std::size_t> ends_;
};

/// Handles of their own for float values where levels look on: what arrives at one of them in a backward pass is summed
/// apart from what arrives at the value it came from, in a plain loop as in a region.
std::vector<Tensor> Aliased(std::vector<Tensor> values, Line line);
/// The call's operands, Aliased where a loop replaces or slices them: for ops that levels bind.
std::vector<Tensor> OwnStates(const RegionCall& call);

/// The results of cond, while_loop or scan, whose operands fit its regions, or of a host_call.
std::vector<Tensor> BindRegions(const RegionCall& call);
/// The same one step at a time, every op through Bind: what eager code does. Choices and conditions must be concrete.
std::vector<Tensor> RunRegions(const RegionCall& call);

/// Told after every iteration of a loop that runs one step at a time on this thread; may throw to leave it.
class BackEdge {
 public:
  BackEdge();
  virtual ~BackEdge();
  BackEdge(const BackEdge&) = delete;
  BackEdge& operator=(const BackEdge&) = delete;
  virtual void Passed() = 0;

 private:
  BackEdge* outer_;
};

/// Which of `count` regions a concrete choice picks.
std::size_t ChosenRegion(const Tensor& choice, std::size_t count);

// What both modes check. They throw ShapeError, DTypeError or ValueError; the caller adds op and line.

/// The choice of cond: a 0-d bool or int.
void CheckChoice(const Type& type);
/// The result of a loop's condition: one 0-d bool.
void CheckCondition(std::span<const Type> types);
/// Carries keep their types.
void CheckCarries(std::span<const Type> carries, std::span<const Type> results);
/// The leading size that all scanned operands have; `length` where it is not negative.
Dim ScanLength(std::span<const Type> xs, Dim length);

std::vector<Type> TypesOf(std::span<const Tensor> tensors);

}  // namespace duet
