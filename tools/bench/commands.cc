#include "tools/bench/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "tools/bench/cold.h"
#include "tools/bench/report.h"

namespace duet::bench {
namespace {

bool IsMeant(const std::string& name, const std::vector<std::string>& wanted) {
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(),
                                       [&](const std::string& w) { return name == w || name.starts_with(w + "_"); });
}

// The first of the wanted names that names nothing.
std::string Unknown(const std::vector<std::string>& wanted) {
  for (const std::string& name : wanted) {
    bool known = false;
    for (const Workload& workload : Workloads()) known = known || IsMeant(workload.name, {name});
    for (const ColdWorkload& workload : ColdWorkloads()) known = known || IsMeant(workload.name, {name});
    if (!known) return name;
  }
  return "";
}

int WriteJson(const std::string& file, const std::string& text) {
  std::FILE* out = file == "-" ? stdout : std::fopen(file.c_str(), "w");
  if (!out) {
    fmt::print(stderr, "duet-bench: cannot write {}\n", file);
    return 2;
  }
  fmt::print(out, "{}\n", text);
  if (out != stdout) std::fclose(out);
  return 0;
}

class Session {
 public:
  explicit Session(const RunArguments& arguments)
      : arguments_(arguments), machine_(GetMachine(arguments.machine)), prints_(arguments.json != "-") {
    if (prints_) PrintMachine(machine_, false);
  }

  template <class F>
  void Add(const std::string& name, const std::string& doc, F&& measure) {
    try {
      const std::vector<Result> results = measure(machine_);
      for (const Result& r : results) {
        const bool is_duet = r.mode == "eager" || r.mode == "traced";
        if (is_duet && r.bits_differ.value_or(0) > 0)
          failures_.push_back(fmt::format("{}: {} elements of {} on {} threads differ from eager on one", name,
                                          *r.bits_differ, r.mode, r.threads));
        results_.push_back(r);
      }
      if (prints_) PrintResults(name, doc, results);
    } catch (const Error& error) {
      failures_.push_back(fmt::format("{}: {}", name, error.what()));
    }
  }

  int Finish() {
    if (prints_)
      PrintVerdict(results_, failures_);
    else
      for (const std::string& failure : failures_) fmt::print(stderr, "duet-bench: {}\n", failure);
    if (!arguments_.json.empty())
      if (const int status = WriteJson(arguments_.json, ToJson(machine_, results_).dump(2))) return status;
    return failures_.empty() ? 0 : 1;
  }

 private:
  const RunArguments& arguments_;
  Machine machine_;
  bool prints_;
  std::vector<Result> results_;
  std::vector<std::string> failures_;
};

}  // namespace

int List() {
  for (const Workload& workload : Workloads()) {
    fmt::print("{:<16} {}\n", workload.name, workload.doc);
    std::string modes = "eager, traced";
    for (const Baseline& baseline : workload.baselines) modes += ", " + baseline.mode;
    std::string inputs;
    for (std::size_t i = 0; i < std::min<std::size_t>(workload.inputs.size(), 4); ++i)
      inputs += (i ? ", " : "") + workload.inputs[i].Text();
    if (workload.inputs.size() > 4) inputs += fmt::format(", ... ({} in all)", workload.inputs.size());
    fmt::print("{:<16}   {}; {}\n", "", inputs, modes);
  }
  for (const ColdWorkload& workload : ColdWorkloads()) fmt::print("{:<16} {}\n", workload.name, workload.doc);
  return 0;
}

int RunWorkloads(const RunArguments& arguments) {
  if (const std::string unknown = Unknown(arguments.names); !unknown.empty()) {
    fmt::print(stderr, "duet-bench: no workload is called {}; `duet-bench list` names them\n", unknown);
    return 2;
  }
  Session session(arguments);
  for (const Workload& workload : Workloads())
    if (IsMeant(workload.name, arguments.names))
      session.Add(workload.name, workload.doc,
                  [&](const Machine& machine) { return Measure(workload, arguments.options, machine); });
  for (const ColdWorkload& workload : ColdWorkloads())
    if (IsMeant(workload.name, arguments.names))
      session.Add(workload.name, workload.doc,
                  [&](const Machine&) { return MeasureCold(workload, arguments.options); });
  return session.Finish();
}

int ShowMachine(const MachineOptions& options, const std::string& json) {
  const Machine machine = GetMachine(options);
  if (json != "-") PrintMachine(machine, true);
  return json.empty() ? 0 : WriteJson(json, ToJson(machine).dump(2));
}

}  // namespace duet::bench
