// Random graphs of the ops that rules look at: every pass is idempotent, reports truly, keeps the verifier content,
// never adds nodes beyond what it replaces, and the pipeline run twice is the pipeline run once. Bits are the fuzzer's
// task.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "eager/kernel_table.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "passes/pipeline.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : random_(seed), graph_("random") {
    for (DType dtype : {f32, f32, i32, bool_}) {
      Input input;
      input.type = {dtype, {2, 2}};
      if (dtype == i32) input.kind = Input::Kind::kVariable;
      Keep(graph_.AddInput(input));
    }
  }

  Graph Make(int nodes) {
    for (int i = 0; i < nodes; ++i) AddOne();
    std::vector<ValueId> outputs;
    for (int i = 0; i < 3; ++i) outputs.push_back(Any());
    graph_.set_outputs(outputs);
    return std::move(graph_);
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  void Keep(ValueId value) { values_.push_back(value); }
  ValueId Any() { return values_[static_cast<std::size_t>(Below(static_cast<int>(values_.size())))]; }
  ValueId Of(DType dtype) {
    for (int tries = 0; tries < 50; ++tries)
      if (const ValueId value = Any(); graph_.type(value).dtype == dtype) return value;
    return dtype == f32 ? 0 : dtype == i32 ? 2 : 3;
  }
  DType AnyDType() { return std::vector<DType>{f32, f32, i32, bool_}[static_cast<std::size_t>(Below(4))]; }

  void AddConstant() {
    const DType dtype = AnyDType();
    const float numbers[] = {0.0f, -0.0f, 1.0f, -1.0f, 2.0f, 0.25f, 3.0f};
    const float number = numbers[Below(7)];
    const std::int32_t integer = static_cast<std::int32_t>(number);
    const bool truth = number != 0;
    const void* data = dtype == f32   ? static_cast<const void*>(&number)
                       : dtype == i32 ? &integer
                                      : static_cast<const void*>(&truth);
    Attributes attributes;
    attributes.shape = {2, 2};
    Keep(graph_.AddNode(Op::broadcast_to, {graph_.AddConstant(TensorFromData({dtype, {}}, data), {})}, attributes, {}));
  }

  void AddView(ValueId x) {
    Attributes attributes;
    switch (Below(5)) {
      case 0:
        attributes.axes = Below(2) ? Shape{1, 0} : Shape{0, 1};
        return Keep(graph_.AddNode(Op::transpose, {x}, attributes, {}));
      case 1:
        attributes.axes = Below(2) ? Shape{0} : Shape{0, 1};
        return Keep(graph_.AddNode(Op::flip, {x}, attributes, {}));
      case 2:
        attributes.start = {1, 0}, attributes.shape = {2, 2}, attributes.step = {-1, 1};
        return Keep(graph_.AddNode(Op::slice, {x}, attributes, {}));
      case 3: {
        attributes.shape = {4};
        const ValueId flat = graph_.AddNode(Op::reshape, {x}, attributes, {});
        attributes.shape = {2, 2};
        return Keep(graph_.AddNode(Op::reshape, {flat}, attributes, {}));
      }
      default:
        attributes.shape = {1, 2, 2};
        const ValueId higher = graph_.AddNode(Op::broadcast_to, {x}, attributes, {});
        attributes.shape = {2, 2};
        return Keep(graph_.AddNode(Op::reshape, {higher}, attributes, {}));
    }
  }

  void AddOne() {
    Attributes attributes;
    const Op floats[] = {Op::add, Op::subtract, Op::multiply, Op::divide, Op::maximum};
    const Op ints[] = {Op::add,         Op::subtract,    Op::multiply,  Op::floor_divide,
                       Op::bitwise_and, Op::bitwise_xor, Op::left_shift};
    const Op bools[] = {Op::logical_and, Op::logical_or, Op::logical_xor, Op::bitwise_or, Op::equal};
    switch (Below(9)) {
      case 0:
        return AddConstant();
      case 1:
        return AddView(Any());
      case 2:
        attributes.dtype = std::vector<DType>{f32, i32, bool_, f64, i64}[static_cast<std::size_t>(Below(5))];
        return Keep(graph_.AddNode(Op::cast, {Any()}, attributes, {}));
      case 3:
        return Keep(graph_.AddNode(Op::neg, {Of(f32)}, {}, {}));
      case 4:
        return Keep(graph_.AddNode(Op::logical_not, {Of(bool_)}, {}, {}));
      case 5: {
        const DType dtype = AnyDType();
        return Keep(graph_.AddNode(Op::where, {Of(bool_), Of(dtype), Of(dtype)}, {}, {}));
      }
      case 6:
        if (Below(3) == 0) {
          attributes.variable = 2;
          graph_.AddNode(Op::write_variable, {Of(i32)}, attributes, {});
        }
        return Keep(graph_.AddNode(ints[Below(7)], {Of(i32), Of(i32)}, {}, {}));
      case 7:
        return Keep(graph_.AddNode(bools[Below(5)], {Of(bool_), Of(bool_)}, {}, {}));
      default:
        return Keep(graph_.AddNode(floats[Below(5)], {Of(f32), Of(f32)}, {}, {}));
    }
  }

  std::mt19937 random_;
  Graph graph_;
  std::vector<ValueId> values_;
};

PassOptions Verifying() {
  PassOptions options;
  options.verify = true;
  if (!duet_kernels[0].entry) options.disabled = {"fold_constants"};
  return options;
}

TEST(RandomGraphs, EveryPassIsIdempotent) {
  const PassOptions options = Verifying();
  for (unsigned seed = 0; seed < 400; ++seed) {
    for (const Pass& pass : AllPasses()) {
      Graph graph = RandomGraph(seed).Make(30);
      const std::string before = PrintGraph(graph);
      RunPass(pass, graph, options);
      EXPECT_FALSE(RunPass(pass, graph, options)) << pass.name << " of\n" << before << "gave\n" << PrintGraph(graph);
    }
  }
}

TEST(RandomGraphs, ThePipelineTwiceIsThePipelineOnce) {
  const PassOptions options = Verifying();
  for (unsigned seed = 0; seed < 400; ++seed) {
    Graph graph = RandomGraph(seed).Make(40);
    const std::string before = PrintGraph(graph);
    const std::size_t nodes = graph.nodes().size();
    Optimize(graph, options);
    EXPECT_LE(graph.nodes().size(), nodes) << before << "became\n" << PrintGraph(graph);
    const std::string once = PrintGraph(graph);
    EXPECT_TRUE(ParseGraph(once) == graph);
    Optimize(graph, options);
    EXPECT_EQ(PrintGraph(graph), once) << before;
  }
}

}  // namespace
}  // namespace duet
