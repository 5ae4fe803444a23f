// LoopPlan: a compiled graph as loop nests over buffers: plain data with a printed form, made from an optimised graph
// by BuildLoopPlan (fusion, index maps, memory) and turned into machine code by the Compiler. It knows nothing of LLVM.
// The kernel generator writes plans by hand, one op each, with sizes known only at run time. Sizes, strides and
// offsets, in elements, are numbers or expressions of symbols; symbol i is Frame::dims[i]. A program and the plans of
// its regions share their symbols.
//
// A nest runs once per work item: a point of its outer loops, or a block of the inner loop. For each item its phases
// run one after the other; a phase is one pass over the inner (vectorised) loop, so what an earlier phase left in cache
// or in row scratch is still there for the next.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "graph/graph.h"
#include "runtime/op.h"
#include "runtime/type.h"

namespace duet {

struct PlanBuffer {
  enum class Kind : std::uint8_t {
    kFrame,   ///< Frame::buffers[index]: inputs, then outputs, then constants
    kArena,   ///< Frame::arena + offset bytes; where sizes are symbols the offset is one more symbol
    kScratch  ///< private to a work item: `elements` elements on the stack, for values that a later phase reads again
  };
  Kind kind = Kind::kFrame;
  std::int32_t index = 0;
  Dim offset = 0;
  Dim elements = 0;
  DType dtype = DType::f32;
  std::string name;  ///< for the printed form: x, out0, t3
};

/// Element offset + sum of strides * loop indices. Loops are numbered: the outer ones, then the reduced loop of a
/// column reduction, then the inner loop; strides has one entry for each of these (outer.size() + 2).
struct Access {
  std::int32_t buffer = 0;
  Dim offset = 0;
  std::vector<Dim> strides;
};

using Register = std::int32_t;  ///< numbered through the whole nest

struct Instruction {
  enum class Kind : std::uint8_t {
    kLoad,       ///< result = buffer[access]
    kStore,      ///< buffer[access] = operands[0]
    kCompute,    ///< result = op(operands): an elementwise op; dtype is the result's
    kLiteral,    ///< result = the element whose bytes are `bits`
    kIndex,      ///< result = i64: offset + sum of strides * loop indices (access.buffer unused); iota casts it
    kRandomBits  ///< result = op random_bits of operands {index i64, key i64}
  };
  Kind kind = Kind::kCompute;
  Op op = Op::add;
  DType dtype = DType::f32;
  Register result = -1;
  std::vector<Register> operands;
  Access access;
  std::uint64_t bits = 0;
  NodeId node = -1;  ///< of the graph it came from, for messages; -1: none
  Line line;         ///< of that node, for debuggers
};

/// Folds `operand` over the phase's loop in the one order of docs/numerics.md (64 lanes, blocks of 4,096, pairwise).
/// For argmax and argmin the result is the i64 index along the loop.
struct Reduction {
  Op op = Op::sum;
  DType dtype = DType::f32;  ///< of the accumulator and result (of the compared values: argmax, argmin)
  Register operand = -1;     ///< already in dtype
  Register result = -1;
  NodeId node = -1;
  Line line;
};

struct Phase {
  enum class Kind : std::uint8_t {
    kOnce,          ///< once per work item, at inner index 0: values that do not vary along the row
    kMap,           ///< for every inner index
    kRowReduce,     ///< for every inner index; reductions over the inner loop: their results are uniform registers
                    ///< that later phases of the item use
    kColumnReduce,  ///< for every inner index, reductions over the reduced loop; `after` then runs per inner index
    kCombine        ///< like kRowReduce, but pairwise over single elements without lanes: joins results of blocks
  };
  Kind kind = Kind::kMap;
  std::vector<Instruction> body;
  std::vector<Reduction> reductions;
  std::vector<Instruction> after;  ///< kColumnReduce: sees the results of its reductions
};

struct LoopNest {
  std::string name;              ///< k0, k1, ... with the ops in it, for dumps and profiles
  std::vector<Dim> outer;        ///< outermost first
  Dim reduced = 0;               ///< kColumnReduce only
  Dim inner = 0;                 ///< vectorised, tails masked
  std::int64_t inner_block = 0;  ///< > 0: outer is empty, every phase is a kMap, item b covers inner indices
                                 ///< [b * inner_block, min(inner, (b + 1) * inner_block))
  std::vector<Phase> phases;
  std::int64_t grain = 0;  ///< items per chunk of a parallel run, from shapes alone; 0: runs on the calling thread
  std::int32_t registers = 0;
};

/// An op that is not a loop over elements (matmul, sort, take, ...): runs on the eager kernel, operands contiguous
/// unless the op takes strides (matmul).
struct LibraryStep {
  struct Operand {
    std::int32_t buffer = 0;
    Type type;
    Dim offset = 0;            ///< in elements
    std::vector<Dim> strides;  ///< in elements, one per axis
  };
  Op op = Op::matmul;
  Attributes attributes;
  std::vector<Operand> operands;
  std::vector<Operand> results;  ///< contiguous; of an effect none
  NodeId node = -1;
  Line line;  ///< of the node, for errors and debuggers
};

struct LoopPlan;

/// call, cond, while_loop or scan: each region is a plan, which equal regions of the program share, called with a frame
/// whose buffers are those of this plan. Loops hand over pointers: slices of what is scanned, places in the stacked
/// outputs, and the carries, which alternate between their result's buffer and a second one unless the body may write
/// them in place.
struct ControlStep {
  Op op = Op::cond;
  std::vector<std::shared_ptr<const LoopPlan>> regions;
  std::vector<std::int32_t> operands, results;       ///< buffers
  std::vector<std::vector<std::int32_t>> constants;  ///< per region: buffers of its constants
  std::vector<std::int32_t>
      shares;  ///< per result: the operand whose memory it may be, if nothing else is in it; or -1
  std::vector<std::int32_t> second;  ///< per carry: its other buffer; -1: in place
  std::vector<Dim> operand_slices;   ///< scan: bytes from slice to slice; 0: the same in every iteration
  std::vector<Dim> result_slices;    ///< scan: the same of the stacked results; 0: carries
  std::int32_t condition = -1;       ///< loops: the buffer of the condition's result; -1: none
  std::int32_t arena = -1;           ///< the buffer that holds the largest of the regions' arenas; -1: none
  std::vector<Dim> saved;            ///< while_gradient: per state but the last sweep's its place in a block
  Dim saved_bytes = 0;               ///< while_gradient: of a block, one per iteration
  Dim length = 0;                    ///< scan
  bool reverse = false;
  bool may_raise = false;
  NodeId node = -1;
  Line line;
};

struct ScalarControl;

/// Code on 0-d values in registers.
struct ScalarCode {
  struct Item {
    Instruction instruction;                       ///< a literal, a size, random bits or an elementwise op, unless
    std::shared_ptr<const ScalarControl> control;  ///< this is set
  };
  std::vector<Register> inputs, results;
  std::vector<Item> items;
};

struct ScalarControl {
  Op op = Op::cond;
  std::vector<Register> operands, results;
  std::vector<ScalarCode> regions;
  Dim length = 0;            ///< scan
  std::int32_t carries = 0;  ///< scan
  NodeId node = -1;
  Line line;
};

/// cond, while_loop or scan whose values, slices of what is scanned included, are all 0-d: everything in registers.
struct ScalarStep {
  ScalarControl control;
  std::vector<std::int32_t> operands, results;  ///< buffers
  std::vector<bool> is_scanned;                 ///< per operand: one element per iteration
  bool reverse = false;
  std::vector<DType> dtypes;  ///< of the registers
};

using Step = std::variant<LoopNest, LibraryStep, ControlStep, ScalarStep>;

/// Bytes of an arena buffer between its first and last step; see PlanMemory.
struct ArenaRequest {
  std::int32_t buffer = 0;
  Dim bytes = 0;
  std::int32_t first = 0, last = 0, takes_over = -1;
};

struct LoopPlan {
  std::string name;
  std::vector<PlanBuffer> buffers;
  std::vector<Step> steps;
  std::int32_t input_count = 0, output_count = 0;
  std::vector<Tensor> constants;  ///< contiguous; Frame::buffers after the outputs
  std::vector<Type> output_types;
  /// Per output: the input whose buffer it may be written into (all else has been read by then; outside of regions no
  /// step from there on may raise, unless before it writes), or -1.
  std::vector<std::int32_t> in_place;
  std::vector<ArenaRequest> arena;  ///< where sizes are symbols: the offsets, symbols too, wait for the sizes
  std::int32_t symbols = 0;         ///< of a program: sizes are symbols 0 .. symbols - 1; what follows is of arenas
  Dim arena_bytes = 0;
  bool reuses_memory = true;  ///< of the arena
};

/// The plan of a program for these sizes of its symbols: every number known. `dims` becomes what Frame::dims is to be.
LoopPlan ResolvePlan(const LoopPlan& plan, std::span<const std::int64_t> sizes, std::vector<std::int64_t>& dims);

/// The library steps of the plan and of the plans of its regions, each plan once, in the order of their numbers.
struct NumberedLibraryStep {
  const LoopPlan* plan;
  const LibraryStep* step;
};
std::vector<NumberedLibraryStep> LibraryStepsOf(const LoopPlan& plan);

/// The printed form: one line per loop and instruction; given the graph, each with its line of user code.
std::string to_string(const LoopPlan& plan, const Graph* graph = nullptr);

}  // namespace duet
