// TapeLevel: the interpreter that lets every op through and remembers those on watched tensors; going back over them
// gives adjoints. GradientTape, grad and vjp are made of it.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "eager/bound_call.h"
#include "eager/region.h"

namespace duet {

/// What has arrived at a value. Where control flow decides while the program runs whether anything does, `present` says
/// so: a 0-d bool; without it, something surely did. Absent values are of the right type and mean nothing.
struct Adjoint {
  Tensor value, present;
};
/// The sum, in this order. Exact: -0, the identity of addition, stands for what is absent.
Adjoint Sum(const Adjoint& first, const Adjoint& second);
/// +0 where nothing arrived.
Tensor OrZero(const Adjoint& adjoint);
/// `given` where it is present, else `otherwise`, which may be empty.
Adjoint Either(const Adjoint& given, const Adjoint& otherwise);

struct ArrivedAdjoints;  // gradient_region.h

class TapeLevel : public Interpreter {
 public:
  explicit TapeLevel(bool watch_variables);
  ~TapeLevel() override;

  /// A float tensor.
  void Watch(const Tensor& tensor);
  /// The tensors that a variable was read as, in order.
  const std::vector<Tensor>& Reads(const VariableBody* variable) { return reads_[variable]; }

  /// Adjoints of the targets, from those of the results (an empty adjoint: ones); empty handles where nothing arrived.
  /// Contributions are added in reverse order of recording, starting from the first. Throws, naming `caller`.
  std::vector<Tensor> Gradient(const char* caller, const std::vector<Tensor>& of, const std::vector<Tensor>& adjoints,
                               const std::vector<Tensor>& targets, Line line);
  /// Records no more; gradients go back through the levels there are then.
  void Leave() { Pop(); }
  /// Forgets all: the tape is spent.
  void Finish();
  void Pause() { ++paused_; }
  void Resume() { --paused_; }

  Tensor Process(Op op, Operands operands, const Attributes& attributes, Line line) override;
  Tensor ProcessRead(const std::shared_ptr<VariableBody>& variable, Line line) override;
  void ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) override;
  bool watches(std::span<const Tensor> operands,
               std::span<const std::shared_ptr<VariableBody>> variables) const override;
  std::vector<Tensor> ProcessRegions(const RegionCall& call) override;
  bool differentiates() const override { return !spent_; }
  void EnterCall(CallKind kind) override;
  void LeaveCall(CallKind kind, const BoundCall* call) override;

  /// Whether tapes record on this thread (StopRecording).
  static bool& Stopped();

  // Adjoints by tensor. The entries keep the tensors alive, so addresses are identities here.
  using Adjoints = std::unordered_map<const TensorBody*, Adjoint>;
  using Watched = std::unordered_set<const TensorBody*>;
  /// Goes back over everything recorded; adjoints of what is wanted stay in the map.
  void GoBack(const Watched& wanted, Adjoints& adjoints, Line line) { GoBack(entries_, wanted, adjoints, line); }

 private:
  struct Segment;
  struct Entry;
  struct RegionRecord;
  struct CallRecord;
  class EntryContext;

  bool Records() const { return !Stopped() && !spent_ && paused_ == 0; }
  bool AnyWatched(Operands operands) const;
  void CloseSegment(const BoundCall& call);
  void DropSegment();
  void GoBack(const std::vector<Entry>& entries, const Watched& wanted, Adjoints& adjoints, Line line);
  void GoBackThroughOp(const Entry& entry, const Adjoint& dy, Adjoints& adjoints);
  void GoBackThroughCall(const Entry& entry, const Watched& wanted, Adjoints& adjoints);
  // tape_regions.cc
  std::vector<Tensor> ProcessHostCall(const RegionCall& call);
  std::vector<Tensor> BindSaving(const RegionCall& call, RegionRecord& record);
  void GoBackThroughRegions(const Entry& entry, const Watched& wanted, Adjoints& adjoints);
  // gradient_call.cc
  std::vector<Tensor> BindCallSaving(const RegionCall& call, RegionRecord& record);
  std::vector<Tensor> Kept() const;
  static std::vector<Adjoint> GradientOfCall(const Entry& entry, const ArrivedAdjoints& arrived);
  void GoBackThroughSegment(const Entry& entry, const Watched& wanted, Adjoints& adjoints, Line line);

  bool watch_variables_;
  bool spent_ = false;
  int paused_ = 0;
  int checkpoints_ = 0, customs_ = 0;  ///< calls of each kind that are open
  std::size_t segment_start_ = 0;      ///< the entry that the outermost open checkpoint begins with
  std::vector<Entry> entries_;
  std::vector<Tensor> kept_;
  Watched watched_;
  std::unordered_map<const VariableBody*, std::vector<Tensor>> reads_;
};

}  // namespace duet
