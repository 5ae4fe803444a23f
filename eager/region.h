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
  /// A region that does what body does with arguments of these types. Body uses no other tensors.
  virtual RegionRef Record(std::span<const Type> inputs, const RegionBody& body, Line line) const = 0;
  /// The same for a body that uses other tensors: they are the inputs after these. The region is called as this one is,
  /// with the suffix.
  virtual RegionRef RecordOpen(const char* suffix, std::span<const Type> inputs, const RegionBody& body, Line line,
                               std::vector<Tensor>& captured) const = 0;
};

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
