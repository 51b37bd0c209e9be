"""The way on where graded cells are others than those in the gradebook, which has submissions of them."""

__all__ = ["way_on"]


def way_on(exercise_id: str) -> str:
    """What to do, in words, with commands in their order.

    nbgrader changes no cells under submissions: `generate_assignment` alone fails, and takes the release away.
    """
    remove = f"nbgrader db assignment remove {exercise_id} --force"
    release = f"nbgrader generate_assignment {exercise_id} --force"
    return (
        "give the cells their old ids again, and no mark is lost; or go on with the new ones: in the course folder, "
        f"keep a copy of gradebook.db, run `autograder course .`, `{remove}`, with which points given by hand go, "
        f"then `{release}`, and grade again"
    )
