// update_slice, index_add and index_update without the copy: when nothing needs the base any more once the piece is
// written, the result is the base's buffer, and the groups that would have copied what lies around the piece are
// dropped.
//
//   b -> copies -> n <- piece        b's readers, then piece -> n, in one buffer
#include <algorithm>
#include <optional>
#include <utility>

#include "passes/fuse_builder.h"
#include "runtime/symbols.h"

namespace duet {

namespace {

// The lowest and the highest element that the loops meet; nothing when they are not known.
std::optional<std::pair<Dim, Dim>> RangeOf(const AffineIndex& index, const LoopSizes& loops) {
  Dim low = index.offset, high = index.offset;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    const Dim reach = index.stride(i) * (loops[i] - 1);
    if (IsNeverNegative(reach))
      high += reach;
    else if (IsNeverNegative(0 - reach))
      low += reach;
    else
      return std::nullopt;
  }
  return std::pair{low, high};
}

bool AreApart(const std::optional<std::pair<Dim, Dim>>& a, const std::optional<std::pair<Dim, Dim>>& b) {
  return a && b && (IsNeverNegative(a->first - b->second - 1) || IsNeverNegative(b->first - a->second - 1));
}

}  // namespace

// Whether every read of `value` in the group is of the element that the group's store to `target` replaces, or apart
// from all that it replaces.
bool FusionBuilder::ReadsOnlyWhatItWrites(const FusionGroup& group, ValueId value, StorageId target) const {
  if (group.kind != FusionGroup::Kind::kMap) return false;
  const FusedStore* written = nullptr;
  for (const FusedStore& store : group.stores) {
    if (store.target != target) continue;
    if (written) return false;
    written = &store;
  }
  if (!written) return false;
  const auto range = RangeOf(written->address, group.loops);
  const auto is_same = [&](const FusedValue& read) {
    if (read.value != value) return true;
    const AffineIndex at = FlatIndex(group.maps[static_cast<std::size_t>(read.map)]);
    return at == written->address || AreApart(RangeOf(at, group.loops), range);
  };
  for (const FusedOp& op : group.ops)
    if (!std::all_of(op.operands.begin(), op.operands.end(), is_same)) return false;
  for (const FusedStore& store : group.stores)
    if (!is_same(store.source)) return false;
  return true;
}

// Whether a library group's base is none of its other operands.
bool FusionBuilder::ReadsBaseOnly(const FusionGroup& group, ValueId base) const {
  return group.library >= 0 && std::count_if(group.operands.begin(), group.operands.end(),
                                             [&](const LibraryOperand& read) { return read.value == base; }) == 1;
}

// Whether the output of the input's own number (of a loop's body: the carry) is the result, or what further updates
// make of that.
bool FusionBuilder::IsCarried(ValueId base, ValueId result) const {
  const auto number = static_cast<std::size_t>(base);
  if (!graph_.is_input(base) || number >= plan_.outputs.size()) return false;
  for (const Update& update : updates_)  // in program order
    if (update.base == result) result = graph_.node(update.node).first_result;
  return plan_.output_storages[number] == result;
}

void FusionBuilder::ElideCopiesOfBases() {
  if (!options_.enabled || updates_.empty()) return;
  std::vector<std::vector<GroupId>> writers(static_cast<std::size_t>(graph_.value_count()));
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const WorkGroup& work = groups_[i];
    if (work.merged_into >= 0) continue;
    AnyLibraryResult(work.group, [&](ValueId value) {
      writers[static_cast<std::size_t>(value)].push_back(static_cast<GroupId>(i));
      return false;
    });
    for (const FusedStore& store : work.group.stores)
      if (store.target < graph_.value_count())
        writers[static_cast<std::size_t>(store.target)].push_back(static_cast<GroupId>(i));
  }

  std::vector<std::uint8_t> is_overwritten(static_cast<std::size_t>(graph_.value_count()), 0);
  std::reverse(updates_.begin(), updates_.end());  // program order
  for (const Update& update : updates_) {
    const ValueId result = graph_.node(update.node).first_result;
    const std::vector<GroupId>& base_writers = writers[static_cast<std::size_t>(update.base)];
    const auto base = static_cast<std::size_t>(update.base);
    // The memory of a carry is shared by whoever runs the loop, if all else has read it by then.
    const bool is_carried = update.copies.empty() && IsCarried(update.base, result);
    const bool has_memory = !graph_.is_input(update.base) && !wants_buffer_[base] && !base_writers.empty();
    if (is_overwritten[base] || !(has_memory || is_carried)) continue;
    const GroupId piece = Find(update.piece);
    const auto is_plain_copy = [&](GroupId id) {
      const FusionGroup& copy = group(id).group;
      return group(id).merged_into < 0 && id != piece && copy.ops.empty() && copy.stores.size() == 1 &&
             copy.stores[0].source.value == update.base;
    };
    if (!std::all_of(update.copies.begin(), update.copies.end(), is_plain_copy)) continue;

    // What has to run before the piece: all that writes or reads the base.
    Uses before = UsesOf(update.base);
    for (GroupId writer : base_writers) before.emplace_back().group = writer;
    const auto removed = std::remove_if(before.begin(), before.end(), [&](const Use& use) {
      return group(use.group).is_dropped ||
             std::find(update.copies.begin(), update.copies.end(), use.group) != update.copies.end();
    });
    before.erase(removed, before.end());
    const bool is_blocked = std::any_of(before.begin(), before.end(), [&](const Use& use) {
      if (use.group != piece) return Reaches(piece, use.group);
      const FusionGroup& own = group(piece).group;
      return !ReadsOnlyWhatItWrites(own, update.base, result) && !ReadsBaseOnly(own, update.base);
    });
    if (is_blocked) continue;

    for (const Use& use : before) {
      if (use.group == piece) continue;
      PutBefore(use.group, {{piece, false, {}}});
      group(use.group).runs_before.push_back(piece);
    }
    for (GroupId copy : update.copies) group(copy).is_dropped = true;
    std::erase_if(writers[static_cast<std::size_t>(result)], [&](GroupId id) { return group(id).is_dropped; });
    is_overwritten[base] = 1;
    if (!is_carried) plan_.shared.emplace_back(result, update.base);
  }
}

}  // namespace duet
