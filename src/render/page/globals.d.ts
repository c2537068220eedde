// What the page uses of uPlot 1.6.32, which is a global of its own script.

declare class uPlot {
  constructor(options: uPlot.Options, data: uPlot.AlignedData, parent: HTMLElement);
  readonly ctx: CanvasRenderingContext2D;
  /** The plotting area in canvas pixels. */
  readonly bbox: { left: number; top: number; width: number; height: number };
  batch(change: () => void): void;
  setData(data: uPlot.AlignedData, resetScales: boolean): void;
  setScale(scale: string, limits: { min: number; max: number }): void;
  valToPos(value: number, scale: string, inCanvasPixels: boolean): number;
  destroy(): void;
}

declare namespace uPlot {
  type AlignedData = number[][];
  interface Series {
    stroke?: string;
    fill?: string;
    width?: number;
    paths?: () => null;
    points?: { show: boolean };
  }
  interface Axis {
    show?: boolean;
    stroke: string;
    size?: number;
    space?: number;
    grid: { stroke: string; width: number };
    ticks: { show: boolean };
    values?: (plot: uPlot, values: (number | null)[]) => string[];
  }
  interface Scale {
    time?: boolean;
    range: (plot: uPlot, low: number | null, high: number | null) => [number | null, number | null];
  }
  type Hook = (plot: uPlot) => void;
  interface Hooks {
    drawClear?: Hook[];
    draw?: Hook[];
  }
  interface Options {
    width: number;
    height: number;
    padding: [number, number, number, number];
    legend: { show: boolean };
    cursor: { show: boolean };
    scales: Record<string, Scale>;
    axes: Axis[];
    series: Series[];
    hooks: Hooks;
  }
}
