// What duet-bench shows: tables for people, JSON for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/bench/measure.h"

namespace duet::bench {

void PrintMachine(const Machine& machine, bool by_size);
void PrintResults(const std::string& name, const std::string& doc, const std::vector<Result>& results);
/// Ends a run: what went wrong, or that nothing did.
void PrintVerdict(const std::vector<Result>& results, const std::vector<std::string>& failures);

nlohmann::ordered_json ToJson(const Result& result);
nlohmann::ordered_json ToJson(const Machine& machine, const std::vector<Result>& results);

/// `1.23 ms`, from nanoseconds; three digits.
std::string DurationText(double ns);

}  // namespace duet::bench
