#include "rr_rules.h"

enum { RR_BLANK = 1, RR_WALL = 1, RR_OPEN = 2, RR_START = 3, RR_GOAL = 4, RR_PATH = 5 };

int32_t rr_sudoku_rules(const uint8_t *puzzle, const uint8_t *answer, int32_t height, int32_t width)
{
    const int32_t size = height * width;
    for (int32_t i = 0; i < size * size; i++)
        if (answer[i] <= RR_BLANK || answer[i] > size + RR_BLANK || (puzzle[i] > RR_BLANK && answer[i] != puzzle[i]))
            return 0;
    for (int32_t group = 0; group < size; group++) {
        uint32_t row = 0, column = 0, box = 0;
        const int32_t corner = group / height * height * size + group % height * width;
        for (int32_t i = 0; i < size; i++) {
            row |= 1u << (answer[group * size + i] - RR_BLANK);
            column |= 1u << (answer[i * size + group] - RR_BLANK);
            box |= 1u << (answer[corner + i / width * size + i % width] - RR_BLANK);
        }
        const uint32_t all = (uint32_t)((2ull << size) - 2);
        if (row != all || column != all || box != all) return 0;
    }
    return 1;
}

/* Steps from `goal` to `start` over cells that are no wall, on the way only where `marked`; -1: there is no way. */
static int32_t rr_way(const uint8_t *puzzle, const uint8_t *marked, int32_t side, int32_t start, int32_t goal,
                      int16_t *distance, int16_t *queue)
{
    const int32_t move[4] = {-side, side, -1, 1};
    int32_t first = 0, last = 0;
    for (int32_t i = 0; i < side * side; i++) distance[i] = -1;
    distance[goal] = 0;
    queue[last++] = (int16_t)goal;
    while (first < last) {
        const int32_t cell = queue[first++];
        for (int32_t m = 0; m < 4; m++) {
            const int32_t next = cell + move[m];
            if (next < 0 || next >= side * side || (m >= 2 && next / side != cell / side)) continue;
            if (puzzle[next] == RR_WALL || distance[next] >= 0) continue;
            if (marked && next != start && marked[next] != RR_PATH) continue;
            distance[next] = (int16_t)(distance[cell] + 1);
            queue[last++] = (int16_t)next;
        }
    }
    return distance[start];
}

int32_t rr_maze_rules(const uint8_t *puzzle, const uint8_t *answer, int32_t side, int16_t *room)
{
    int32_t start = -1, goal = -1, marked = 0;
    for (int32_t i = 0; i < side * side; i++) {
        const int opened = puzzle[i] == RR_OPEN && (answer[i] == RR_OPEN || answer[i] == RR_PATH);
        if (answer[i] != puzzle[i] && !opened) return 0;
        marked += answer[i] == RR_PATH;
        if (puzzle[i] == RR_START) start = i;
        if (puzzle[i] == RR_GOAL) goal = i;
    }
    if (start < 0 || goal < 0) return 0;
    const int32_t least = rr_way(puzzle, 0, side, start, goal, room, room + side * side);
    return least > 0 && marked == least - 1 &&
           rr_way(puzzle, answer, side, start, goal, room, room + side * side) == least;
}
