"""Compiled code on disk."""

from adamcmp.training.engines.code_cache import CodeFormat, load_or_write


def test_a_damaged_library_is_compiled_again(tmp_path):
    class Text(CodeFormat):
        """Code that is quick to write."""

        device, suffix = "cpu", ".text"

        def write(self, graph, file):
            raise NotImplementedError

        def load(self, file):
            return file.read_text

    written = []

    def write(file):
        written.append(file)
        file.write_text("the code")

    def run():
        return load_or_write(tmp_path, "key", Text(), write)()

    assert run() == run() == "the code" and len(written) == 1
    (stored,) = tmp_path.glob("*.text")
    stored.write_text("the co")
    assert run() == "the code" and len(written) == 2
    assert [path.name for path in tmp_path.glob("*.text")] == [stored.name]
