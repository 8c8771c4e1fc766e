// The part of AOTInductor's runtime that a compiled step uses.
//
// Inductor's own runtime (aoti_runtime/model_container.h) also loads and replaces weights, checks
// inputs and runs several models at once. Compiling it takes three times as long as the step.
// The class is what inductor's code defines and uses; the C functions are what
// AOTIModelContainerRunner of libtorch loads.

using DeviceStreamType = void*;

namespace torch::aot_inductor {

using ConstantMap = std::unordered_map<std::string, RAIIAtenTensorHandle>;

struct AOTInductorModelKernelsBase {
  virtual ~AOTInductorModelKernelsBase() = default;
};

class AOTInductorModelBase {
 public:
  size_t num_outputs() const { return outputs_info_.size(); }

 protected:
  struct TensorInfo {
    const char* name;
  };

  AOTInductorModelBase(
      size_t inputs,
      size_t outputs,
      size_t /*constants*/,
      const std::string& /*device*/,
      std::optional<std::string> /*cubin_dir*/,
      bool /*include_weights*/)
      : inputs_info_(inputs), outputs_info_(outputs) {}

  void update_constants_map(std::shared_ptr<ConstantMap>) {}
  void update_constants_array(std::shared_ptr<std::vector<ConstantHandle>>) {}

  std::vector<TensorInfo> inputs_info_, outputs_info_;
  std::string in_spec_, out_spec_;
  int32_t device_idx_ = -1;
};

class AOTInductorModel : public AOTInductorModelBase {
 public:
  AOTInductorModel(
      std::shared_ptr<ConstantMap>,
      std::shared_ptr<std::vector<ConstantHandle>>,
      const std::string& device,
      std::optional<std::string> cubin_dir);

  void run_impl(
      AtenTensorHandle* inputs,
      AtenTensorHandle* outputs,
      DeviceStreamType,
      AOTIProxyExecutorHandle);

  std::unordered_map<std::string, AtenTensorHandle> const_run_impl(
      DeviceStreamType, AOTIProxyExecutorHandle, bool initialization);

  void _const_run_impl(
      std::vector<AtenTensorHandle>&, DeviceStreamType, AOTIProxyExecutorHandle);

 private:
  std::unique_ptr<AOTInductorModelKernelsBase> kernels_;
};

// Replaces std::cerr in a message that is never printed, since compiling <iostream> takes long.
struct Messages {
  const Messages& operator<<(const char*) const { return *this; }
};
constexpr Messages messages;

} // namespace torch::aot_inductor

namespace {

using Model = torch::aot_inductor::AOTInductorModel;

thread_local std::string last_error;

// Operations must not record gradients, also if the caller does.
struct NoGradients {
  NoGradients() : enabled(aoti_torch_grad_mode_is_enabled()) {
    aoti_torch_grad_mode_set_enabled(false);
  }
  ~NoGradients() { aoti_torch_grad_mode_set_enabled(enabled); }
  const bool enabled;
};

} // namespace

extern "C" {

int32_t AOTInductorModelContainerCreateWithDevice(
    void** model, size_t /*models*/, const char* device, const char* /*cubin_dir*/) {
  *model = new Model(nullptr, nullptr, device, std::nullopt);
  return 0;
}

int32_t AOTInductorModelContainerDelete(void* model) {
  delete static_cast<Model*>(model);
  return 0;
}

int32_t AOTInductorModelContainerGetNumOutputs(void* model, size_t* outputs) {
  *outputs = static_cast<Model*>(model)->num_outputs();
  return 0;
}

int32_t AOTInductorModelContainerRun(
    void* model,
    AtenTensorHandle* inputs,
    size_t /*number of inputs*/,
    AtenTensorHandle* outputs,
    size_t /*number of outputs*/,
    DeviceStreamType stream,
    AOTIProxyExecutorHandle executor) {
  NoGradients guard;
  try {
    static_cast<Model*>(model)->run_impl(inputs, outputs, stream, executor);
  } catch (const std::exception& error) {
    last_error = error.what();
    return 1;
  }
  return 0;
}

const char* AOTInductorGetLastError() { return last_error.c_str(); }

// Loaded with the library, but called only for models with constants.
#define UNUSED(name) \
  int32_t name() { return 1; }
UNUSED(AOTInductorModelContainerGetNumConstants)
UNUSED(AOTInductorModelContainerGetConstantName)
UNUSED(AOTInductorModelContainerGetConstantOriginalFQN)
UNUSED(AOTInductorModelContainerGetConstantDtype)
UNUSED(AOTInductorModelContainerUpdateConstantBuffer)
UNUSED(AOTInductorModelContainerUpdateInactiveConstantBuffer)
UNUSED(AOTInductorModelContainerRunConstantFolding)
UNUSED(AOTInductorModelContainerSwapConstantBuffer)
UNUSED(AOTInductorModelContainerGetCallSpec)
UNUSED(AOTInductorModelContainerExtractConstantsMap)
UNUSED(AOTInductorModelContainerFreeInactiveConstantBuffer)
UNUSED(AOTInductorModelContainerGetConstantsBlobSize)
UNUSED(AOTInductorModelContainerUpdateConstantBufferFromCpu)
UNUSED(AOTInductorModelContainerUpdateUserManagedConstantBuffer)
UNUSED(AOTInductorModelUpdateConstantsFromBlob)

} // extern "C"
