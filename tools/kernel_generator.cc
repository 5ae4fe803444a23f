// duet-kernel-generator --output DIR: compiles the eager kernels. Writes kernels_v3.o and kernels_v4.o, by the lowering
// that compiled graphs use, and kernel_table.cc, the table that libduet finds them by.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "jit/llvm/kernel_object.h"
#include "tools/kernel_generator_plans.h"

namespace duet {
namespace {

constexpr Isa kIsas[] = {Isa::kV3, Isa::kV4};

std::string SymbolOf(Isa isa, const KernelPlan& kernel) { return std::string("duet_") + name(isa) + '_' + kernel.name; }

void Write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

/// Writes the object file of one instruction set.
void Generate(Isa isa, const std::vector<KernelPlan>& kernels, const std::filesystem::path& path,
              std::vector<EmittedMatmulKernel>* matmul) {
  std::vector<KernelSource> sources;
  for (const KernelPlan& kernel : kernels) sources.push_back({SymbolOf(isa, kernel), &kernel.plan});
  Write(path, CompileKernelObject(isa, sources, matmul));
}

/// Writes the table as C++: declarations, then the rows.
class TableWriter {
 public:
  void Add(Isa isa, const KernelPlan& kernel) {
    const std::string symbol = SymbolOf(isa, kernel);
    declarations_ += "std::int32_t " + symbol + "(duet::Frame*);\n";
    kernels_ += "    {" + EnumOf(isa) + ", Op::" + name(kernel.op) + ", " + EnumOf(kernel.operand) + ", " +
                EnumOf(kernel.result) + ", " + std::to_string(kernel.layout) + ", " + symbol + "},\n";
  }
  void Add(Isa isa, const EmittedMatmulKernel& kernel) {
    declarations_ += "void " + kernel.symbol + "();\n";
    matmul_ += "    {" + EnumOf(isa) + ", " + EnumOf(kernel.dtype) + ", " + std::to_string(kernel.vectors) + ", " +
               std::to_string(kernel.rows) + ", " + (kernel.masked ? "true" : "false") + ", " + kernel.symbol + "},\n";
  }
  std::string text() const {
    return "// Written by duet-kernel-generator.\n#include \"eager/kernel_table.h\"\n#include \"eager/matmul.h\"\n\n"
           "extern \"C\" {\n" +
           declarations_ + "}\n\nnamespace duet {\n\nextern \"C\" const KernelEntry duet_kernels[] = {\n" + kernels_ +
           "    {}};\n\nextern \"C\" const MatmulKernelEntry duet_matmul_kernels[] = {\n" + matmul_ +
           "    {}};\n\n}  // namespace duet\n";
  }

 private:
  static std::string EnumOf(Isa isa) { return isa == Isa::kV3 ? "Isa::kV3" : "Isa::kV4"; }
  static std::string EnumOf(DType dtype) {
    return dtype == DType::bool_ ? "DType::bool_" : std::string("DType::") + name(dtype);
  }

  std::string declarations_, kernels_, matmul_;
};

void GenerateAll(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  const std::vector<KernelPlan> kernels = AllKernelPlans();
  std::vector<EmittedMatmulKernel> matmul[2];
  std::exception_ptr errors[2];
  std::thread threads[2];
  for (std::size_t i = 0; i < 2; ++i) {
    threads[i] = std::thread([&, i] {
      try {
        Generate(kIsas[i], kernels, directory / (std::string("kernels_") + name(kIsas[i]) + ".o"), &matmul[i]);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  TableWriter table;
  for (std::size_t i = 0; i < 2; ++i) {
    for (const KernelPlan& kernel : kernels) table.Add(kIsas[i], kernel);
    for (const EmittedMatmulKernel& kernel : matmul[i]) table.Add(kIsas[i], kernel);
  }
  Write(directory / "kernel_table.cc", table.text());
}

}  // namespace
}  // namespace duet

int main(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[1]) != "--output") {
    std::fprintf(stderr, "usage: %s --output DIRECTORY\n", argv[0]);
    return 2;
  }
  try {
    duet::GenerateAll(argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "duet-kernel-generator: %s\n", error.what());
    return 1;
  }
  return 0;
}
