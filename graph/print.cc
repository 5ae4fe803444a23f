#include "graph/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

#include "runtime/host_callee.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

bool IsIdentifier(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (std::isalnum(static_cast<unsigned char>(c)) && static_cast<unsigned char>(c) < 0x80) || c == '_' ||
           c == '.';
  });
}

class Printer {
 public:
  Printer(std::string* text, const PrintOptions& options) : out_(text), options_(options) {}

  void PrintOne(const Graph& graph, const char* keyword, int indent) {
    Indent(indent);
    Add(keyword);
    Add(" @");
    Name(graph.name());
    Add("(");
    for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
      static constexpr const char* kKinds[] = {"", "capture ", "variable "};
      const Input& input = graph.inputs()[i];
      if (i > 0) Add(", ");
      Add("%");
      Name(input.name);
      Add(": ");
      Add(kKinds[static_cast<int>(input.kind)]);
      Add(to_string(input.type));
    }
    Add(") -> (");
    for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
      if (i > 0) Add(", ");
      Add(to_string(graph.type(graph.outputs()[i])));
    }
    Add(") {\n");
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
      const Node& node = graph.nodes()[i];
      Indent(indent + 2);
      PrintNode(graph, node);
      Add("\n");
      for (const Graph& region : graph.regions(node)) PrintOne(region, "region", indent + 4);
    }
    Indent(indent + 2);
    Add("return");
    for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
      Add(i > 0 ? ", " : " ");
      Value(graph, graph.outputs()[i]);
    }
    Add("\n");
    Indent(indent);
    Add("}\n");
  }

  void PrintNode(const Graph& graph, const Node& node) {
    for (int i = 0; i < node.result_count; ++i) {
      if (i > 0) Add(", ");
      Value(graph, node.first_result + i);
    }
    if (node.result_count > 0) Add(" = ");
    Add(duet::name(node.op));
    const auto operands = graph.operands(node);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      Add(i > 0 ? ", " : " ");
      Value(graph, operands[i]);
    }
    if (info(node.op).attributes != kNone) PrintAttributes(graph, info(node.op).attributes, graph.attributes(node));
    for (int i = 0; i < node.result_count; ++i) {
      Add(i > 0 ? ", " : " : ");
      Add(to_string(graph.type(node.first_result + i)));
    }
    if (options_.lines && node.line.file) {
      Add("   # ");
      PrintLine(node.line);
    }
  }

  void Value(const Graph& graph, ValueId value) {
    const auto inputs = static_cast<ValueId>(graph.inputs().size());
    if (value < 0 || value >= graph.value_count()) {
      fmt::format_to(Out(), "%<{}>", value);
    } else if (value < inputs) {
      Add("%");
      Name(graph.inputs()[static_cast<std::size_t>(value)].name);
    } else {
      fmt::format_to(Out(), "%{}", value - inputs);
    }
  }

  void Data(const Tensor& data, std::int64_t max_elements) {
    if (data.empty_handle()) return Add("nothing");
    Add(to_string(data.body()->type));
    Add(" [");
    const Tensor contiguous = Contiguous(data);
    const auto* bytes = static_cast<const char*>(ContiguousData(contiguous));
    const std::int64_t shown =
        max_elements < 0 ? std::int64_t{data.size()} : std::min<std::int64_t>(max_elements, data.size());
    for (std::int64_t i = 0; i < shown; ++i) {
      if (i > 0) Add(", ");
      Element(data.dtype(), bytes + i * bytes_of(data.dtype()));
    }
    if (shown < data.size()) Add(shown > 0 ? ", ..." : "...");
    Add("]");
  }

 private:
  std::back_insert_iterator<std::string> Out() { return std::back_inserter(*out_); }
  void Add(std::string_view text) { out_->append(text); }
  void Indent(int columns) { out_->append(static_cast<std::size_t>(columns), ' '); }

  void Name(std::string_view name) { IsIdentifier(name) ? Add(name) : Quoted(name); }

  void Quoted(std::string_view text) {
    Add("\"");
    for (char c : text) {
      if (c == '"' || c == '\\')
        fmt::format_to(Out(), "\\{}", c);
      else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
        fmt::format_to(Out(), "\\x{:02x}", static_cast<unsigned char>(c));
      else
        out_->push_back(c);
    }
    Add("\"");
  }

  void PrintLine(const Line& line) {
    const std::string_view file = line.file;
    const bool plain =
        !file.empty() && file.front() != ' ' && file.front() != '"' &&
        std::none_of(file.begin(), file.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    plain ? Add(file) : Quoted(file);
    fmt::format_to(Out(), ":{}", line.line);
  }

  void PrintAttributes(const Graph& graph, std::uint16_t mask, const Attributes& attributes) {
    const char* separator = " {";
    auto key = [&](const char* text) {
      Add(std::exchange(separator, ", "));
      Add(text);
    };
    auto list = [&](OpAttribute bit, const char* text, const Shape& shape) {
      if (!(mask & bit)) return;
      key(text);
      Add(to_string(shape));
    };
    if (mask & kDType) {
      key("dtype=");
      Add(duet::name(attributes.dtype));
    }
    list(kAxes, "axes=", attributes.axes);
    list(kStart, "start=", attributes.start);
    list(kShape, "shape=", attributes.shape);
    list(kStep, "step=", attributes.step);
    list(kLow, "low=", attributes.low);
    list(kHigh, "high=", attributes.high);
    if (mask & kData) {
      key("data=");
      Data(attributes.data, options_.max_elements);
    }
    if (mask & kVariable) {
      key("variable=");
      Value(graph, attributes.variable);
    }
    if (mask & kText) {
      key("text=");
      Quoted(attributes.text);
    }
    if (mask & kScan) {
      key("length=");
      fmt::format_to(Out(), "{}, carries={}, reverse={}", to_string(attributes.length), attributes.carries,
                     attributes.reverse);
    }
    if (mask & kHost) {
      key("call=");
      fmt::format_to(Out(), "{}, results=[", attributes.host->id);
      for (std::size_t i = 0; i < attributes.host->results.size(); ++i) {
        if (i > 0) Add(", ");
        Add(to_string(attributes.host->results[i]));
      }
      Add("]");
    }
    Add("}");
  }

  template <class T>
  static T Load(const char* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }

  void Float(double value) {
    if (std::isnan(value))
      Add("nan");
    else
      fmt::format_to(Out(), "{:a}", value);  // exact; inf and -inf print so
  }

  void Element(DType dtype, const char* bytes) {
    switch (dtype) {
      case DType::bool_:
        return Add(*bytes != 0 ? "true" : "false");
      case DType::i32:
        fmt::format_to(Out(), "{}", Load<std::int32_t>(bytes));
        return;
      case DType::i64:
        fmt::format_to(Out(), "{}", Load<std::int64_t>(bytes));
        return;
      case DType::f32:
        return Float(static_cast<double>(Load<float>(bytes)));
      case DType::f64:
        return Float(Load<double>(bytes));
      default:
        return Add("?");  // a dtype that no tensor has yet
    }
  }

  std::string* out_;
  PrintOptions options_;
};

}  // namespace

std::string PrintGraph(const Graph& graph, const PrintOptions& options) {
  std::string text;
  Printer(&text, options).PrintOne(graph, "graph", 0);
  return text;
}

std::string NodeText(const Graph& graph, NodeId node, const PrintOptions& options) {
  std::string text;
  Printer(&text, options).PrintNode(graph, graph.node(node));
  return text;
}

std::string ValueName(const Graph& graph, ValueId value) {
  std::string text;
  Printer(&text, {}).Value(graph, value);
  return text;
}

std::string DataText(const Tensor& data, std::int64_t max_elements) {
  std::string text;
  Printer(&text, {}).Data(data, max_elements);
  return text;
}

}  // namespace duet
