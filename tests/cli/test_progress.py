import io

from shancheng.cli.progress import TerminalProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_each_new_step_is_one_plain_line() -> None:
    stream = io.StringIO()
    progress = TerminalProgress(stream)
    for fraction in (0.1, 0.2, 0.3):
        progress.step("reading", fraction)
    progress.step("writing")
    progress.say("done")
    assert stream.getvalue() == "· reading\n· writing\ndone\n"


def test_on_a_terminal_a_bar_is_drawn_and_taken_away() -> None:
    stream = Terminal()
    progress = TerminalProgress(stream)
    progress.step("reading", 0.5)
    progress.say("done")
    drawn = stream.getvalue()
    assert "[████████████············] reading" in drawn
    assert drawn.endswith("\r\x1b[Kdone\n")


def test_a_bar_is_not_redrawn_for_every_step() -> None:
    stream = Terminal()
    progress = TerminalProgress(stream)
    for done in range(1000):
        progress.step("reading", done / 1000)
    assert stream.getvalue().count("reading") < 50


def test_fractions_outside_are_held_inside() -> None:
    stream = Terminal()
    TerminalProgress(stream).step("reading", 7.0)
    assert "[" + "█" * 24 + "]" in stream.getvalue()
