"""Loops of generated code that become functions."""

import re

from adamcmp.training.engines.generated_code import share_equal_loops

#: A kernel with two equal loops over other tensors, and a third one that differs.
KERNEL = """
#include <header.h>
extern "C"  void  kernel_0(const float* in_ptr0, float* out_ptr0, float* out_ptr1, int64_t ks0)
{
    {
        for(int64_t x0=0L; x0<ks0; x0+=1L)
        {
            auto tmp0 = in_ptr0[x0];
            out_ptr0[x0] = tmp0;
        }
    }
    {
        for(int64_t x0=0L; x0<ks0; x0+=1L)
        {
            auto tmp0 = out_ptr0[x0];
            out_ptr1[x0] = tmp0;
        }
    }
    {
        for(int64_t x0=0L; x0<ks0; x0+=1L)
        {
            auto tmp0 = out_ptr1[x0];
            out_ptr1[x0] = tmp0 * tmp0;
        }
    }
}
"""

#: Two equal loops within an outer one, and two that use a variable of the outer loop.
NESTED = """
extern "C"  void  kernel_1(float* out_ptr0, float* out_ptr1, int64_t ks0)
{
    {
        for(int64_t x0=0L; x0<ks0; x0+=1L)
        {
            #pragma GCC ivdep
            for(int64_t x1=0L; x1<9L; x1+=1L)
            {
                out_ptr0[x1 + 9L*x0] = 0;
            }
            #pragma GCC ivdep
            for(int64_t x1=0L; x1<9L; x1+=1L)
            {
                out_ptr1[x1 + 9L*x0] = 0;
            }
            float tmp_acc0 = 0;
            {
                out_ptr0[x0] = tmp_acc0;
            }
            {
                out_ptr1[x0] = tmp_acc0;
            }
        }
    }
}
"""


def test_equal_loops_become_a_function_of_their_variables():
    code = share_equal_loops(KERNEL)
    head = "[[gnu::noinline]] static void loop_4_0(auto v0, auto v1, auto v2) {"
    assert head in code and code.index(head) < code.index('extern "C"')
    calls = re.findall(r"^    loop_4_0\((.*)\);$", code, flags=re.MULTILINE)
    assert calls == ["ks0, in_ptr0, out_ptr0", "ks0, out_ptr0, out_ptr1"]
    assert code.count("auto tmp0") == 2 and "out_ptr1[x0] = tmp0 * tmp0;" in code


def test_loops_within_an_outer_loop_get_its_index():
    code = share_equal_loops(NESTED)
    calls = re.findall(r"loop_12_0\((\w.*)\);", code)
    assert calls == ["out_ptr0, x0", "out_ptr1, x0"]
    assert code.count("#pragma GCC ivdep") == 1


def test_loops_that_use_a_variable_of_the_outer_loop_remain():
    code = share_equal_loops(NESTED)
    assert "out_ptr0[x0] = tmp_acc0;" in code and "out_ptr1[x0] = tmp_acc0;" in code


def test_code_without_equal_loops_remains():
    code = KERNEL.replace("in_ptr0[x0]", "in_ptr0[x0] + 1")
    assert share_equal_loops(code).split() == code.split()
