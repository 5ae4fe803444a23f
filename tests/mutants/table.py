"""The known bugs that tests/mutants/run plants, and the command that must catch each.

Each old text stands exactly once in its file; when a file changes, the run says which row to adapt.
"""

from dataclasses import dataclass

RANDOM_GRAPHS = "./duet_fuzz_tests --time=50 --failures=1 --no-shrink"
RANDOM_PROGRAMS = "./duet_fuzz_tests --kind=program --time=50 --failures=1 --no-shrink"


@dataclass
class Mutant:
    name: str
    reason: str
    edits: list  # (file, old text, new text)
    command: str = RANDOM_GRAPHS  # run in the build folder's bin/
    targets: tuple = ("duet_fuzz_tests", "duet_jit_shared")
    seconds: int = 60

    @property
    def by(self):
        names = {RANDOM_GRAPHS: "random graphs", RANDOM_PROGRAMS: "random programs"}
        return names.get(self.command, "unit tests")


MUTANTS = [
    Mutant(
        "contraction",
        "a * b + c becomes one fused multiply-add where both are in one kernel",
        [("jit/llvm/target.cc", "FPOpFusion::Strict", "FPOpFusion::Fast")],
    ),
    Mutant(
        "tail_mask",
        "the part of a vector at the end of a loop lacks its last element",
        [("jit/llvm/emit_item.cc", "builder_.getInt1(i < *known)", "builder_.getInt1(i + 1 < *known)")],
    ),
    Mutant(
        "add_zero",
        "x + 0 becomes x: -0 + 0 is 0",
        [
            (
                "passes/simplify_arithmetic.cc",
                "const double identity = is_float(e.type.dtype) ? -0.0 : 0;",
                "const double identity = 0;",
            )
        ],
    ),
    Mutant(
        "cse_attributes",
        "nodes that differ only in their attributes become one",
        [
            (
                "passes/eliminate_common_subexpressions.cc",
                "node.op == Op::constant ? DataNumber(node) : node.attributes",
                "node.op == Op::constant ? DataNumber(node) : -1",
            )
        ],
    ),
    Mutant(
        "dropped_write",
        "native code: the first variable's new value is not kept when it was not written in place",
        [
            (
                "jit/native_function.cc",
                "for (std::size_t i = 0; i < written_.size(); ++i)\n    if (!new_values[i].empty_handle())",
                "for (std::size_t i = 1; i < written_.size(); ++i)\n    if (!new_values[i].empty_handle())",
            )
        ],
    ),
    Mutant(
        "memory_too_early",
        "an array's memory is given away in the step that still reads it",
        [("passes/plan_memory.cc", ".last < request.first", ".last <= request.first")],
    ),
    Mutant(
        "in_place_although_held",
        "a variable is written in place although somebody holds its value",
        [
            (
                "jit/native_function.cc",
                "return __atomic_load_n(&body->references, __ATOMIC_ACQUIRE) == 1 && body->buffer.unique() &&",
                "return body->references >= 1 &&",
            )
        ],
    ),
    Mutant(
        "product_strides",
        "the matrix product takes its left operand's rows to lie side by side",
        [
            (
                "eager/run_kernel.cc",
                "{a.data + a_offset * bytes, a.strides[row], a.strides[column]}",
                "{a.data + a_offset * bytes, a.shape[column], 1}",
            )
        ],
    ),
    Mutant(
        "reduction_tree",
        "the lanes of a reduction are joined as neighbours, not by halves: in eager and native code alike",
        [
            (
                "jit/llvm/emit_fold.cc",
                "Combine(vectors[i], vectors[half + i])",
                "Combine(vectors[2 * i], vectors[2 * i + 1])",
            )
        ],
        command="./duet_sweep_tests --gtest_filter='OpSweep.*/sum:OpSweep/*sum*'",
        targets=("duet_sweep_tests", "duet_jit_shared"),
        seconds=300,
    ),
    Mutant(
        "stale_shape_key",
        "a trace is taken for another shape of the same dtype",
        [
            (
                "jit/concrete_entry.cc",
                "mix(static_cast<std::uint64_t>(std::int64_t{dim}))",
                "mix(std::uint64_t{0} * sizeof dim)",
            ),
            (
                "jit/concrete_entry.cc",
                "if (!(arguments.tensor(i).body()->type == tensors[static_cast<std::size_t>(i)]))",
                "if (arguments.tensor(i).body()->type.dtype != tensors[static_cast<std::size_t>(i)].dtype)",
            ),
        ],
        command="./duet_jit_tests --gtest_filter='FunctionKey.*'",
        targets=("duet_jit_tests",),
        seconds=300,
    ),
    Mutant(
        "adjoints_summed_apart",
        "under a tape a traced call runs its optimised graph: equal subexpressions get one adjoint",
        [
            (
                "jit/function.cc",
                "results.tensors = Replay(entry->recorded, leaves);",
                "results.tensors = Replay(OptimizedGraph(entry->recorded), leaves);",
            )
        ],
        command="./duet_sweep_tests --gtest_filter='TracedGradients.*'",
        targets=("duet_sweep_tests", "duet_jit_shared"),
        seconds=300,
    ),
    Mutant(
        "error_skips_writes",
        "after an error in native code, the writes that come before it in the program do not happen",
        [("jit/function.cc", "Replay(entry.recorded, Leaves(arguments));\n", "\n")],
        command="./duet_jit_tests --gtest_filter='FunctionState.*'",
        targets=("duet_jit_tests",),
        seconds=300,
    ),
    Mutant(
        "half_a_product_rule",
        "the tangent of a matrix product lacks the part of its first operand",
        [("eager/jvp_rules_shape.cc", "return j.has(0) ? matmul(j.tangent(0), j.operand(1)) + by_y : by_y;", "return by_y;")],
        command="./duet_eager_tests --gtest_filter='Jvp.*'",
        targets=("duet_eager_tests",),
        seconds=300,
    ),
    Mutant(
        "index_of_another_example",
        "inside vmap an index out of range of its own example reads another one",
        [("eager/batching_rules_index.cc", "take(iota({size}, 0), indices) +", "cast(indices, i64) +")],
        command="./duet_eager_tests --gtest_filter='Vmap.*'",
        targets=("duet_eager_tests",),
        seconds=300,
    ),
    Mutant(
        "custom_gradient_seen_through",
        "a traced function forgets which of its nodes are one call",
        [("graph/trace.cc", "marked_calls_.push_back(std::move(marked));\n", "\n")],
        command="./duet_eager_tests --gtest_filter='CustomGradient.*:StopGradient.*'",
        targets=("duet_eager_tests",),
        seconds=300,
    ),
    Mutant(
        "forgotten_checkpoint",
        "what a checkpoint runs again keeps the address of a value that is gone as watched",
        [("eager/tape_level.cc", "for (const TensorBody* body : bodies) watched.erase(body);", "")],
        command="./duet_eager_tests --gtest_filter='Checkpoint.*'",
        targets=("duet_eager_tests",),
        seconds=300,
    ),
    Mutant(
        "dropped_carry",
        "a carry that becomes what another one was is taken for one that stays as it is",
        [
            (
                "passes/optimize_regions.cc",
                "control.body().outputs()[k] == static_cast<ValueId>(k);",
                "control.body().outputs()[k] < static_cast<ValueId>(carries);",
            )
        ],
        command=RANDOM_PROGRAMS,
    ),
    Mutant(
        "lost_last_carry",
        "native code: the last carry of a loop is not brought to where its result belongs",
        [("jit/llvm/emit_control_step.cc", "for (std::size_t k = 0; k < places.size(); ++k) {\n      const PlanBuffer&", "for (std::size_t k = 0; k + 1 < places.size(); ++k) {\n      const PlanBuffer&")],
        command=RANDOM_PROGRAMS,
    ),
    Mutant(
        "swapped_branches",
        "a choice that is known while compiling picks the other branch",
        [("passes/optimize_regions.cc", "number = choice.bits ? 0 : 1;", "number = choice.bits ? 1 : 0;")],
        command=RANDOM_PROGRAMS,
    ),
    Mutant(
        "hoisted_effect",
        "effects in a branch or loop do not keep their order among those outside",
        [
            (
                "graph/canonical_order.cc",
                "return node.has_effect || node.may_raise; }",
                "return node.region_count == 0 && (node.has_effect || node.may_raise); }",
            )
        ],
        command=RANDOM_PROGRAMS,
    ),
    Mutant(
        "stale_tape",
        "a gradient goes back through a scan with the carries that its iterations ended with",
        [
            (
                "graph/graph_region.cc",
                "outputs.push_back(static_cast<ValueId>(i));",
                "outputs.push_back(graph_->outputs()[i]);",
            )
        ],
        command=RANDOM_PROGRAMS,
    ),
    Mutant(
        "gradient_one_turn_short",
        "native code: the gradient of a while_loop leaves its first iteration out",
        [
            (
                "jit/llvm/emit_control_step.cc",
                "EmitLoop(builder_, Int64(builder_, 0), length, 1, FirstPlaces()",
                "EmitLoop(builder_, Int64(builder_, 1), length, 1, FirstPlaces()",
            )
        ],
        command=RANDOM_PROGRAMS,
    ),
]
