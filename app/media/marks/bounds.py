"""What is too much. Checked on headers, before a single pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from app.media.marks.refusal import N_, Refusal, too_many_frames, too_many_pixels


@dataclass(frozen=True, slots=True)
class Bounds:
    """`all_pixels` bounds a moving picture: its size times its frames. `video_pixels` bounds a frame of a video."""

    pixels: int = 40_000_000
    frames: int = 400
    all_pixels: int = 120_000_000
    video_pixels: int = 3840 * 2160

    def check_picture(self, width: int, height: int, frames: int = 1) -> None:
        """Raises Refusal for a picture that is empty or too large."""
        if width < 1 or height < 1:
            raise Refusal(N_("This picture has no pixels."), "empty")
        if width * height > self.pixels:
            raise too_many_pixels(self.pixels)
        if frames > self.frames:
            raise too_many_frames(self.frames)
        if frames > 1 and width * height * frames > self.all_pixels:
            raise too_many_pixels(self.all_pixels)

    def check_video(self, width: int, height: int) -> None:
        """Raises Refusal for a video that is empty or too large."""
        if width < 16 or height < 16:
            raise Refusal(N_("This video has no picture, or one of a few pixels."), "empty")
        if width * height > self.video_pixels:
            raise Refusal(N_("This video is larger than 3840 x 2160 pixels."), "pixels")
