#include "graph/parse.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "graph/scanner.h"
#include "graph/value_names.h"
#include "runtime/host_callee.h"
#include "runtime/infer.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

// A node that is read but not added yet: its regions may follow.
struct PendingNode {
  bool present = false;
  Op op = Op::add;
  std::vector<ValueId> operands;
  Attributes attributes;
  std::vector<std::string> results;
  std::vector<Type> types;
  Line line;
  std::vector<GraphRef> regions;
  std::size_t position = 0;

  // Keeps the memory of the lists for the next node.
  void Clear() {
    operands.clear();
    results.clear();
    types.clear();
    regions.clear();
    attributes = Attributes();
    line = Line();
  }
};

// A graph or region whose `}` is still to come.
struct OpenGraph {
  Graph graph;
  ValueNames names;
  std::vector<Type> output_types;
  PendingNode pending;
  std::size_t depth = 0;  // of the regions in it
};

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : scan_(text, file) {}

  Graph Parse() {
    scan_.Expect("graph");
    scan_.Expect('@');
    Header(scan_.Name("a graph's name"));
    for (;;) {
      if (scan_.Take("region")) {
        if (!open_.back().pending.present) scan_.FailAt(scan_.position(), "expected a node before its region");
        CheckDepth(0);
        scan_.Expect('@');
        std::string name = scan_.Name("a region's name");
        if (scan_.Peek('('))
          Header(std::move(name));
        else
          RepeatRegion(name);
        continue;
      }
      AddPending();
      if (!scan_.Take("return")) {
        ReadNode();
        continue;
      }
      Graph done = Return();
      const std::size_t depth = Here().depth;
      open_.pop_back();
      if (!open_.empty()) {
        const std::string name = done.name();
        AddRegion(known_[name] = {std::make_shared<const Graph>(std::move(done)), depth});
        continue;
      }
      if (!scan_.AtEnd()) scan_.FailExpected("the end of the text");
      return done;
    }
  }

  Tensor ParseOnlyData() {
    Tensor data = Data();
    if (!scan_.AtEnd()) scan_.FailExpected("the end of the text");
    return data;
  }

 private:
  OpenGraph& Here() { return open_.back(); }

  struct KnownRegion {
    GraphRef graph;
    std::size_t depth = 0;
  };

  // Of a region that has regions so deep inside it.
  void CheckDepth(std::size_t inner) {
    if (open_.size() + inner >= kMaxRegionDepth) scan_.FailAt(scan_.position(), "expected regions at most 64 deep");
  }

  void AddRegion(const KnownRegion& region) {
    Here().depth = std::max(Here().depth, region.depth + 1);
    Here().pending.regions.push_back(region.graph);
  }

  void RepeatRegion(const std::string& name) {
    const auto at = known_.find(name);
    if (at == known_.end()) scan_.FailAt(scan_.position(), fmt::format("there is no region @{} above", name));
    CheckDepth(at->second.depth);
    AddRegion(at->second);
  }

  void Header(std::string name) {
    open_.emplace_back();
    Here().graph.set_name(std::move(name));
    scan_.Expect('(');
    if (!scan_.Take(')')) {
      do ReadInput();
      while (scan_.Take(','));
      scan_.Expect(')');
    }
    scan_.Expect("->");
    scan_.Expect('(');
    if (!scan_.Take(')')) {
      do Here().output_types.push_back(scan_.OneType());
      while (scan_.Take(','));
      scan_.Expect(')');
    }
    scan_.Expect('{');
  }

  void ReadInput() {
    Input input;
    scan_.Expect('%');
    const std::size_t position = scan_.position();
    input.name = scan_.Name("an input's name");
    if (input.name.empty()) scan_.FailAt(position, "expected a name that is not empty");
    scan_.Expect(':');
    if (scan_.Take("capture"))
      input.kind = Input::Kind::kCapture;
    else if (scan_.Take("variable"))
      input.kind = Input::Kind::kVariable;
    input.type = scan_.OneType();
    const std::string name = input.name;
    Guarded(position, [&] {
      CheckedBytes(input.type);
      Define(name, Here().graph.AddInput(std::move(input)), position);
    });
  }

  void Define(const std::string& name, ValueId value, std::size_t position) {
    if (!Here().names.Define(name, value)) scan_.FailAt(position, fmt::format("%{} is defined twice", name));
  }

  ValueId ReadValue() {
    scan_.Expect('%');
    const std::size_t position = scan_.position();
    const std::string name = scan_.Name("a value's name");
    const ValueId value = Here().names.Find(name);
    if (value < 0) scan_.FailAt(position, fmt::format("%{} is not defined before", name));
    return value;
  }

  void ReadNode() {
    PendingNode& node = Here().pending;
    node.Clear();
    node.present = true;
    if (scan_.Peek('%')) {
      do {
        scan_.Expect('%');
        node.results.push_back(scan_.Name("a result's name"));
      } while (scan_.Take(','));
      scan_.Expect('=');
    }
    const std::string_view word = scan_.Word("an op, 'return' or 'region'");
    node.position = scan_.position();
    if (!FindOp(word, &node.op)) scan_.FailAt(node.position, fmt::format("expected an op, found '{}'", word));
    if (scan_.Peek('%')) {
      do node.operands.push_back(ReadValue());
      while (scan_.Take(','));
    }
    if (scan_.Take('{'))
      ReadAttributes();
    else if (info(node.op).attributes != kNone)
      scan_.FailAt(node.position, fmt::format("{} lacks its attributes", name(node.op)));
    if (scan_.Take(':')) {
      do node.types.push_back(scan_.OneType());
      while (scan_.Take(','));
    }
    if (scan_.Take('#')) node.line = scan_.FileLine();
  }

  void ReadAttributes() {
    PendingNode& node = Here().pending;
    Attributes& to = node.attributes;
    const std::uint16_t allowed = info(node.op).attributes;
    std::uint16_t seen = 0;
    do {
      const std::string_view key = scan_.Word("an attribute's name");
      const std::size_t position = scan_.position();
      auto is = [&](const char* name, OpAttribute bit) {
        if (key != name || !(allowed & bit)) return false;
        if (seen & bit) scan_.FailAt(position, fmt::format("{} is given twice", name));
        seen = static_cast<std::uint16_t>(seen | bit);
        scan_.Expect('=');
        return true;
      };
      if (is("dtype", kDType))
        to.dtype = scan_.OneDType();
      else if (is("shape", kShape))
        to.shape = scan_.List();
      else if (is("axes", kAxes))
        to.axes = scan_.List();
      else if (is("start", kStart))
        to.start = scan_.List();
      else if (is("step", kStep))
        to.step = scan_.List();
      else if (is("low", kLow))
        to.low = scan_.List();
      else if (is("high", kHigh))
        to.high = scan_.List();
      else if (is("data", kData))
        to.data = Data();
      else if (is("variable", kVariable))
        to.variable = ReadValue();
      else if (is("text", kText))
        to.text = InternText(scan_.Name("a text"));
      else if (is("length", kScan))
        ReadScan(to);
      else if (is("call", kHost))
        ReadHost(to);
      else
        scan_.FailAt(position, fmt::format("{} has no attribute '{}'", name(node.op), key));
    } while (scan_.Take(','));
    scan_.Expect('}');
    if (seen != allowed) scan_.FailAt(node.position, fmt::format("{} lacks an attribute", name(node.op)));
  }

  // length=8, carries=2, reverse=false
  void ReadScan(Attributes& to) {
    to.length = scan_.OneDim();
    scan_.Expect(',');
    scan_.Expect("carries");
    scan_.Expect('=');
    const std::int64_t carries = scan_.Integer("a number of carries");
    if (carries < 0 || carries > std::numeric_limits<int>::max())
      scan_.FailAt(scan_.position(), "expected a number of carries");
    to.carries = static_cast<int>(carries);
    scan_.Expect(',');
    scan_.Expect("reverse");
    scan_.Expect('=');
    to.reverse = scan_.Take("true");
    if (!to.reverse) scan_.Expect("false");
  }

  // call=3, results=[f32[3], i64[]]. The C++ code is not in the text: a call throws.
  void ReadHost(Attributes& to) {
    auto callee = std::make_shared<HostCallee>();
    const std::int64_t id = scan_.Integer("the number of a callable");
    if (id < 0) scan_.FailAt(scan_.position(), "expected the number of a callable");
    callee->id = static_cast<std::uint64_t>(id);
    scan_.Expect(',');
    scan_.Expect("results");
    scan_.Expect('=');
    scan_.Expect('[');
    if (!scan_.Take(']')) {
      do {
        const std::size_t position = scan_.NextPosition();
        callee->results.push_back(scan_.OneType());
        Guarded(position, [&] { CheckedBytes(callee->results.back()); });
      } while (scan_.Take(','));
      scan_.Expect(']');
    }
    to.host = std::move(callee);
  }

  void AddPending() {
    PendingNode& node = Here().pending;
    if (!node.present) return;
    node.present = false;
    Graph& graph = Here().graph;
    if (++nodes_ > kMaxParsedNodes) scan_.FailAt(node.position, "expected at most 10000000 nodes");
    ValueId value = -1;
    Guarded(node.position, [&] {
      value = graph.AddNode(node.op, node.operands, node.attributes, node.line, std::move(node.regions));
    });
    const auto results = static_cast<std::size_t>(graph.nodes().back().result_count);
    if (node.results.size() != results)
      scan_.FailAt(node.position,
                   fmt::format("{} has {} results, not {}", name(node.op), results, node.results.size()));
    if (!node.types.empty() && node.types.size() != results)
      scan_.FailAt(node.position, fmt::format("expected {} types, found {}", results, node.types.size()));
    for (std::size_t i = 0; i < results; ++i, ++value) {
      Define(node.results[i], value, node.position);
      if (!node.types.empty() && node.types[i] != graph.type(value))
        scan_.FailAt(node.position, fmt::format("the text says {}, inference gives {}", to_string(node.types[i]),
                                                to_string(graph.type(value))));
    }
  }

  // What inference throws becomes a ParseError at the place.
  template <class F>
  void Guarded(std::size_t position, F run) {
    try {
      run();
    } catch (const ParseError&) {
      throw;
    } catch (const Error& error) {
      scan_.FailAt(position, error.what());
    }
  }

  Graph Return() {
    std::vector<ValueId> outputs;
    if (scan_.Peek('%')) {
      do outputs.push_back(ReadValue());
      while (scan_.Take(','));
    }
    const std::size_t position = scan_.position();
    scan_.Expect('}');
    OpenGraph& here = Here();
    if (outputs.size() != here.output_types.size())
      scan_.FailAt(position, fmt::format("expected {} outputs, found {}", here.output_types.size(), outputs.size()));
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (here.graph.type(outputs[i]) != here.output_types[i])
        scan_.FailAt(position, fmt::format("output {} is {}, the header says {}", i,
                                           to_string(here.graph.type(outputs[i])), to_string(here.output_types[i])));
    here.graph.set_outputs(std::move(outputs));
    return std::move(here.graph);
  }

  Tensor Data() {
    const std::size_t position = scan_.NextPosition();
    const Type type = scan_.OneType();
    std::string bytes;
    std::int64_t count = 0, expected = 0;
    Guarded(position, [&] {
      if (type.shape.has_symbols()) throw ShapeError("data has no symbols in its shape");
      if (!info(type.dtype).full) throw DTypeError(fmt::format("{} tensors cannot be made yet", name(type.dtype)));
      CheckedBytes(type);
      expected = CheckedElements(type.shape);
    });
    scan_.Expect('[');
    if (!scan_.Take(']')) {
      do {
        ReadElement(type.dtype, &bytes);
        ++count;
      } while (scan_.Take(','));
      scan_.Expect(']');
    }
    if (count != expected) scan_.FailAt(position, fmt::format("expected {} elements, found {}", expected, count));
    return TensorFromData(type, bytes.data());
  }

  void ReadElement(DType dtype, std::string* bytes) {
    auto append = [&](auto value) { bytes->append(reinterpret_cast<const char*>(&value), sizeof value); };
    if (dtype == f32) return append(scan_.FloatSingle());
    if (dtype == f64) return append(scan_.Float());
    if (dtype == bool_) {
      if (scan_.Take("true")) return append(true);
      scan_.Expect("false");
      return append(false);
    }
    const std::int64_t value = scan_.Integer("an integer");
    if (dtype == i64) return append(value);
    if (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max())
      scan_.FailAt(scan_.position(), "expected an integer of 32 bits");
    append(static_cast<std::int32_t>(value));
  }

  Scanner scan_;
  std::vector<OpenGraph> open_;
  std::map<std::string, KnownRegion> known_;  // the last one of each name
  int nodes_ = 0;
};

}  // namespace

Graph ParseGraph(std::string_view text, const std::string& file) { return Parser(text, file).Parse(); }

Tensor ParseData(std::string_view text, const std::string& file) { return Parser(text, file).ParseOnlyData(); }

SizeGuard ParseGuard(std::string_view text, const std::string& file) {
  Scanner scanner(text, file);
  const Dim left = scanner.OneDim();
  SizeGuard guard{0, SizeGuard::Kind::kNotNegative};
  bool turned = false;
  if (scanner.Take("=="))
    guard.kind = SizeGuard::Kind::kZero;
  else if (scanner.Take("!="))
    guard.kind = SizeGuard::Kind::kNonZero;
  else if (scanner.Take("<="))
    turned = true;
  else
    scanner.Expect(">=");
  const Dim right = scanner.OneDim();
  if (!scanner.AtEnd()) scanner.FailExpected("the end");
  guard.value = turned ? right - left : left - right;
  return guard;
}

}  // namespace duet
