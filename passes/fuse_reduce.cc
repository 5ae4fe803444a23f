// How a reduction joins the group that reads its result. [outer, R, inner] -> [outer, inner] is
//   a row      when the group already runs over rows of R elements and reads one result per row (softmax), or when the
//              group runs over the results and R lies side by side in memory: the group then gets R as its inner loop;
//   a column   when the group runs over the results and one of its loops, not R, lies side by side in memory;
//   split      when there are few results and R is long, so that one loop over the results could not run in parallel.
#include <algorithm>

#include "passes/fuse_builder.h"
#include "passes/fuse_cost.h"
#include "runtime/symbols.h"

namespace duet {
namespace {

constexpr std::int64_t kLongReduction = 16 * 4096;
constexpr std::int64_t kFewRows = 8;
constexpr std::int64_t kFewColumns = 256;

struct ReducedAxes {
  int first = 0, last = 0;  ///< [first, last)
  Dim count = 1;
};

ReducedAxes AxesOf(const Attributes& attributes, const Shape& shape) {
  ReducedAxes axes;
  if (attributes.axes.empty()) return axes;
  axes.first = static_cast<int>(std::int64_t{*std::min_element(attributes.axes.begin(), attributes.axes.end())});
  axes.last = axes.first + attributes.axes.rank();
  for (int i = axes.first; i < axes.last; ++i) axes.count *= shape[i];
  return axes;
}

// The operand's element: the result's index, with `row` at the reduced axes.
IndexMap OperandMap(const IndexMap& result, const ReducedAxes& axes, std::size_t row) {
  IndexMap map;
  for (int i = 0; i < axes.first; ++i) map.axes.push_back(result.axes[static_cast<std::size_t>(i)]);
  map.axes.emplace_back().size = axes.count;
  if (!axes.count.same(1)) map.axes.back().index.set_stride(row, 1);
  for (std::size_t i = static_cast<std::size_t>(axes.first); i < result.axes.size(); ++i)
    map.axes.push_back(result.axes[i]);
  return map;
}

}  // namespace

// Joins the loops from first_loop on into one, the row.
bool FusionBuilder::MakeRow(GroupId id, std::size_t first_loop) {
  FusionGroup& to = group(id).group;
  if (first_loop + 1 < to.loops.size()) {
    std::vector<IndexMap> maps;
    std::vector<AffineIndex> addresses;
    Dim row = 1;
    for (std::size_t i = first_loop; i < to.loops.size(); ++i) row *= to.loops[i];
    for (const IndexMap& map : to.maps) {
      std::optional<IndexMap> joined = JoinLoops(map, to.loops, first_loop);
      if (!joined) return false;
      maps.push_back(std::move(*joined));
    }
    for (const FusedStore& store : to.stores) {
      std::optional<AffineIndex> joined = JoinLoops(store.address, to.loops, first_loop);
      if (!joined) return false;
      addresses.push_back(std::move(*joined));
    }
    // An iota was read because its index could be split; that must hold in the joined loop too.
    LoopSizes joined_loops(to.loops.begin(), to.loops.begin() + static_cast<std::ptrdiff_t>(first_loop));
    joined_loops.push_back(row);
    const auto is_readable = [&](const FusedValue& read) {
      if (graph_.is_input(read.value) || graph_.node(graph_.definition(read.value)).op != Op::iota) return true;
      const Shape& shape = graph_.type(read.value).shape;
      return SplitAxes(maps[static_cast<std::size_t>(read.map)], shape, joined_loops).has_value();
    };
    for (const FusedOp& op : to.ops)
      if (!std::all_of(op.operands.begin(), op.operands.end(), is_readable)) return false;
    for (const FusedStore& store : to.stores)
      if (!is_readable(store.source)) return false;
    to.maps = std::move(maps);
    for (std::size_t i = 0; i < addresses.size(); ++i) to.stores[i].address = std::move(addresses[i]);
    to.loops = std::move(joined_loops);
  }
  to.kind = FusionGroup::Kind::kRow;
  to.reduced = static_cast<std::int32_t>(first_loop);
  for (const FusedOp& op : to.ops)
    if (IsPerRow(to, to.maps[static_cast<std::size_t>(op.map)]))
      group(id).row_cost += OpCost(graph_.node(op.node).op, graph_.type(graph_.node(op.node).first_result).dtype);
  return true;
}

// An expensive value that is the same along the inner loops (1 / sigma of each row): computed once per row if the group
// becomes one over rows.
bool FusionBuilder::JoinAsRow(NodeId id, const Use& use) {
  const FusionGroup& to = group(use.group).group;
  if (use.whole || to.kind != FusionGroup::Kind::kMap || use.at.size() != 1) return false;
  const IndexMap& map = to.maps[static_cast<std::size_t>(use.at[0].map)];
  std::size_t first = to.loops.size();
  Dim row = 1, rows = 1;
  while (first > 0 && !map.DependsOn(first - 1)) row *= to.loops[--first];
  for (std::size_t i = 0; i < first; ++i) rows *= to.loops[i];
  constexpr std::int64_t kShortestRow = 64;
  const std::int64_t likely = LikelySize(row);
  if (likely < kShortestRow || likely > kMaxRow || LikelySize(rows) < 2 * kFewRows ||
      !rows.same(Elements(graph_.node(id).first_result)))
    return false;
  return MakeRow(use.group, first);
}

const char* FusionBuilder::JoinReduction(NodeId id, const Use& use, bool store, bool is_root) {
  using Kind = FusionGroup::Kind;
  const Node& node = graph_.node(id);
  const ValueId value = node.first_result, operand = graph_.operands(node)[0];
  const Dim results = Elements(value);
  const ReducedAxes axes = AxesOf(graph_.attributes(node), graph_.type(operand).shape);
  if (use.whole || use.at.size() != 1) return "read at several indices: would be computed several times";
  if (use.at[0].before) return "feeds another reduction of the kernel, which has one pass";
  if (group(use.group).group.ops.size() >= static_cast<std::size_t>(options_.max_ops)) return "the kernel is full";

  // The result's index and the loops it runs over must correspond one to one.
  std::int32_t map = use.at[0].map;
  const FusionGroup& to = group(use.group).group;
  const auto result_map = [&] {
    return SplitAxes(to.maps[static_cast<std::size_t>(map)], graph_.type(value).shape, to.loops);
  };
  if (!result_map()) return "its index in the kernel would need a division";
  const bool is_splittable = info(node.op).op_class == OpClass::Reduce;
  // Parts of a length that is not known would have no known number.
  const bool is_long = !axes.count.is_symbol() && axes.count >= kLongReduction && is_splittable;

  Kind kind = to.kind;
  bool columns = false;
  LoopSizes loops = to.loops;
  std::size_t row = static_cast<std::size_t>(to.reduced);
  if (to.kind == Kind::kMap) {
    const AffineIndex flat = FlatIndex(to.maps[static_cast<std::size_t>(map)]);
    if (IsBijective(flat, loops, results)) {
      row = loops.size();
      loops.push_back(axes.count);
      const Resolved read = Resolve(operand, OperandMap(*result_map(), axes, row), loops);
      if (!read.complete && !is_root) return "the operand's index would need a division";
      const AffineIndex address = FlatIndex(read.map);
      // Whichever lies side by side in memory becomes the vector loop.
      bool has_column = false;
      for (std::size_t i = 0; i < row; ++i) has_column = has_column || (IsUnit(address.stride(i)) && !loops[i].same(1));
      columns = !address.stride(row).same(0) && !IsUnit(address.stride(row)) && has_column;
      kind = columns ? Kind::kColumn : Kind::kRow;
      if (is_long && LikelySize(results) < (columns ? kFewColumns : kFewRows)) kind = Kind::kSplit;
      if (kind == Kind::kRow && !results.same(1) &&
          group(use.group).cost * kScalarFactor > 60 * LikelySize(axes.count) + 1500)
        return "what follows it is better computed for many rows at a time";
    } else {
      std::size_t first = loops.size();
      Dim size = 1, rows = 1;
      while (first > 0 && !size.same(axes.count)) size *= loops[--first];
      for (std::size_t i = 0; i < first; ++i) rows *= loops[i];
      for (std::size_t i = first; i < loops.size(); ++i)
        if (flat.DependsOn(i)) return "the kernel reads it at several indices of each row";
      if (!size.same(axes.count) || !IsBijective(flat, {loops.data(), first}, results))
        return "the kernel's rows differ from the reduction's";
      if (is_long && LikelySize(rows) < kFewRows) return "long: reduced in parallel parts";
      FusionGroup before = to;
      if (!MakeRow(use.group, first)) return "the kernel's rows are not one loop";
      if (!is_root && !Resolve(operand, OperandMap(*result_map(), axes, first), to.loops).complete) {
        group(use.group).group = std::move(before);
        return "the operand's index would need a division";
      }
      kind = Kind::kRow;
      loops = to.loops;
      row = first;
    }
  } else {
    const LoopSizes outside = [&] {
      LoopSizes sizes = loops;
      sizes[row] = 1;
      return sizes;
    }();
    const AffineIndex flat = FlatIndex(to.maps[static_cast<std::size_t>(map)]);
    if (flat.DependsOn(row) || !loops[row].same(axes.count) || !IsBijective(flat, outside, results))
      return "the kernel's rows differ from the reduction's";
    if (kind == Kind::kSplit && !is_splittable) return "cannot be reduced in parallel parts";
    columns = to.columns;
  }

  Resolved read = Resolve(operand, OperandMap(*result_map(), axes, row), loops);
  if (!read.complete && !is_root) return "the operand's index would need a division";
  const bool is_pass = kind == Kind::kColumn || kind == Kind::kSplit;
  WorkGroup& work = group(use.group);
  if (work.group.kind == Kind::kMap && kind == Kind::kRow) work.row_cost += work.cost;
  work.group.kind = kind;
  work.group.columns = columns;
  work.group.loops = loops;
  work.group.reduced = static_cast<std::int32_t>(row);
  work.last = std::max(work.last, id);
  FusedOp op{id, map, false, {}};
  op.operands.push_back(Read(use.group, std::move(read), is_pass));
  work.group.ops.push_back(std::move(op));
  if (store) StoreResult(id, use);
  return nullptr;
}

}  // namespace duet
