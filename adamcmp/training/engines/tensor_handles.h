// The tensor handles of AOTInductor that most compiled steps use.
//
// The functions are those of torch's stable C interface (aoti_torch/c/shim.h), and the classes are
// those of aoti_runtime/utils.h. Compiling these headers of torch takes longer than a small step.
// A step that uses more of them is compiled with torch's headers.

#include <cstdint>
#include <stdexcept>

using AtenTensorHandle = struct AtenTensorOpaque*;
using AOTIProxyExecutorHandle = struct AOTIProxyExecutorOpaque*;

extern "C" {
bool aoti_torch_grad_mode_is_enabled();
void aoti_torch_grad_mode_set_enabled(bool enabled);
int32_t aoti_torch_device_type_cpu();
int32_t aoti_torch_dtype_bfloat16();
int32_t aoti_torch_dtype_bool();
int32_t aoti_torch_dtype_float32();
int32_t aoti_torch_dtype_float64();
int32_t aoti_torch_dtype_int32();
int32_t aoti_torch_dtype_int64();
int32_t aoti_torch_delete_tensor_object(AtenTensorHandle tensor);
int32_t aoti_torch_get_data_ptr(AtenTensorHandle tensor, void** data);
int32_t aoti_torch_get_sizes(AtenTensorHandle tensor, int64_t** sizes);
int32_t aoti_torch_empty_strided(
    int64_t dimensions,
    const int64_t* sizes,
    const int64_t* strides,
    int32_t dtype,
    int32_t device_type,
    int32_t device_index,
    AtenTensorHandle* result);
int32_t aoti_torch__reinterpret_tensor(
    AtenTensorHandle tensor,
    int64_t dimensions,
    const int64_t* sizes,
    const int64_t* strides,
    int64_t offset,
    AtenTensorHandle* result);
int32_t aoti_torch_cpu_bmm_out(AtenTensorHandle out, AtenTensorHandle a, AtenTensorHandle b);
int32_t aoti_torch_cpu_baddbmm_out(
    AtenTensorHandle out,
    AtenTensorHandle added,
    AtenTensorHandle a,
    AtenTensorHandle b,
    double beta,
    double alpha);
}

#define CACHE_TORCH_DTYPE(name) static auto cached_torch_dtype_##name = aoti_torch_dtype_##name()
#define CACHE_TORCH_DEVICE(name) \
  static auto cached_torch_device_type_##name = aoti_torch_device_type_##name()
#define AOTI_TORCH_ERROR_CODE_CHECK(call) \
  if (call) torch::aot_inductor::throw_failure(#call)

namespace torch::aot_inductor {

struct ConstantHandle {};

[[noreturn, gnu::noinline]] inline void throw_failure(const char* call) {
  throw std::runtime_error(std::string(call) + " failed");
}

// Owns a tensor. Its functions are not inlined, since a step calls them a thousand times.
class RAIIAtenTensorHandle {
 public:
  RAIIAtenTensorHandle(AtenTensorHandle handle) : handle_(handle) {}
  RAIIAtenTensorHandle(RAIIAtenTensorHandle&& other) noexcept : handle_(other.release()) {}
  ~RAIIAtenTensorHandle() { reset(); }

  operator AtenTensorHandle() const { return handle_; }
  AtenTensorHandle get() const { return handle_; }

  AtenTensorHandle release() {
    const auto handle = handle_;
    handle_ = nullptr;
    return handle;
  }

  [[gnu::noinline]] void reset() {
    if (handle_) aoti_torch_delete_tensor_object(release());
  }

  [[gnu::noinline]] void* data_ptr() const {
    void* data = nullptr;
    AOTI_TORCH_ERROR_CODE_CHECK(aoti_torch_get_data_ptr(handle_, &data));
    return data;
  }

  int64_t* sizes() const {
    int64_t* sizes = nullptr;
    AOTI_TORCH_ERROR_CODE_CHECK(aoti_torch_get_sizes(handle_, &sizes));
    return sizes;
  }

 private:
  AtenTensorHandle handle_;
};

inline std::vector<RAIIAtenTensorHandle> steal_from_raw_handles_to_raii_handles(
    AtenTensorHandle* handles, size_t count) {
  return {
      std::make_move_iterator(handles), std::make_move_iterator(handles + count)};
}

[[gnu::noinline]] inline AtenTensorHandle reinterpret_tensor_wrapper(
    AtenTensorHandle tensor,
    int64_t dimensions,
    const int64_t* sizes,
    const int64_t* strides,
    int64_t offset) {
  AtenTensorHandle result = nullptr;
  AOTI_TORCH_ERROR_CODE_CHECK(
      aoti_torch__reinterpret_tensor(tensor, dimensions, sizes, strides, offset, &result));
  return result;
}

inline RAIIAtenTensorHandle wrap_with_raii_handle_if_needed(AtenTensorHandle handle) {
  return RAIIAtenTensorHandle(handle);
}

} // namespace torch::aot_inductor
